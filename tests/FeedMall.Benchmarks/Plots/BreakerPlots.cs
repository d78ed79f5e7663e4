using FeedMall.Testing.Breaking;

namespace FeedMall.Benchmarks.Plots;

/// <summary>What breakers let through while a target is dead, and how soon they are back.</summary>
internal static class BreakerPlots
{
    public static LineChart Outage() => new("A target is dead for 20 s, 200 calls/s", "seconds", "calls done per second",
        [.. BreakerScenarios.Kinds.Keys.Select(kind => new Series(kind, Seconds(kind, second => second.Ok, 120)))])
    {
        Bands = [Dead],
    };

    public static LineChart Probes() => new("What reaches the dead target", "seconds", "calls in vain per second",
        [.. BreakerScenarios.Kinds.Keys.Select(kind => new Series(kind, Seconds(kind, second => second.Failed, 40)))])
    {
        Bands = [Dead],
    };

    public static LineChart Gutter()
    {
        var run = GutterSimulation.Run();
        (double X, double Y)[] Of(Func<GutterSecond, int> figure) => [.. run.Select((second, at) => (at + 0.5, (double)figure(second)))];
        return new("A primary that is dead for 20 s, and a standby of a tenth of its size", "seconds", "calls per second",
        [
            new("done by the primary", Of(second => second.Primary)),
            new("done by the standby", Of(second => second.Standby)),
            new("refused", Of(second => second.Refused)),
            new("in vain", Of(second => second.Failed)),
        ]) { Bands = [Dead] };
    }

    private static Band Dead => new("dead", BreakerScenarios.OutageFrom, BreakerScenarios.OutageTo);

    private static (double X, double Y)[] Seconds(string kind, Func<BreakerSecond, int> figure, int until) =>
        [.. BreakerScenarios.Outage(kind, BreakerScenarios.Rate).Seconds.Take(until).Select((second, at) => (at + 0.5, (double)figure(second)))];
}
