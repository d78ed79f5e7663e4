using FeedMall.Resilience.Quotas;
using FeedMall.Testing.Quotas;

namespace FeedMall.Benchmarks.Plots;

/// <summary>Five nodes that share 1000 requests per second.</summary>
internal static class QuotaPlots
{
    public static LineChart MovingHotSpot() => Nodes("The first node's users go to the fifth at 30 s (limit 1000/s)", QuotaScenario.MovingHotSpot);

    public static LineChart Peers() => Nodes("The same shared out by the nodes themselves", QuotaScenario.MovingHotSpot with { Sharing = Sharing.Peers });

    public static LineChart Batches() => Nodes("The same with batches to whoever comes first", QuotaScenario.MovingHotSpot with { Sharing = Sharing.Batches });

    public static LineChart Fallbacks() => new("The allocator is gone from 20 s to 40 s (1350/s offered, limit 1000/s)", "seconds", "admitted per second by all nodes",
        [.. Enum.GetValues<QuotaFallback>().Select(fallback => new Series(fallback.ToString(),
            [.. QuotaSimulation.Run(QuotaScenario.Outage with { Fallback = fallback }).Seconds.Select(second => (second.Second + 0.5, (double)second.Sum))]))])
    {
        Bands = [new Band("allocator gone", 20, 40)],
    };

    private static LineChart Nodes(string title, QuotaScenario scenario)
    {
        var seconds = QuotaSimulation.Run(scenario).Seconds;
        return new(title, "seconds", "admitted per second",
        [
            .. Enumerable.Range(0, seconds[0].Admitted.Length).Select(node => new Series($"node {node + 1}", [.. seconds.Select(second => (second.Second + 0.5, (double)second.Admitted[node]))])),
            new("sum", [.. seconds.Select(second => (second.Second + 0.5, (double)second.Sum))]),
        ]);
    }
}
