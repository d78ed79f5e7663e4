using FeedMall.Resilience.Queueing;
using FeedMall.Testing.Overload;

namespace FeedMall.Benchmarks.Plots;

/// <summary>What a server that gets more than it can do still does in time.</summary>
internal static class OverloadPlots
{
    private static readonly OverloadPolicy[] s_policies =
        [OverloadTable.None, OverloadTable.SlowBbr, OverloadTable.Gradient, OverloadTable.BbrQueue];

    public static LineChart Twice() => Goodput("Twice the capacity (400/s) from 15 s to 45 s", OverloadTable.Twice);

    public static LineChart TenTimes() => Goodput("Ten times the capacity from 15 s to 45 s", OverloadTable.TenTimes);

    public static LineChart Tiers()
    {
        var run = OverloadSimulation.Run(OverloadTable.Tiers, OverloadTable.BbrQueue);
        return new("Four times the capacity: 10 % critical_plus, 30 % of each other tier", "seconds", "share answered in time",
            [.. Enum.GetValues<Criticality>().Select(tier => new Series(tier.Text(),
                [.. Enumerable.Range(10, 45).Select(second => (second + 0.5, run.GoodShare((int)tier, second, second + 1)))]))])
        {
            Bands = [Overload],
            MaxY = 1,
        };
    }

    private static Band Overload => new("overload", OverloadScenario.From, OverloadScenario.To);

    private static LineChart Goodput(string title, OverloadScenario scenario) => new(title, "seconds", "answered in time per second",
        [.. s_policies.Select(policy => new Series(policy.Name,
            [.. OverloadSimulation.Run(scenario, policy).Seconds.Take((int)OverloadScenario.Seconds).Select((second, at) => (at + 0.5, (double)second.Good))]))])
    {
        Bands = [Overload],
    };
}
