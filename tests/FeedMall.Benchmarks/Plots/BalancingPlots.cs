using FeedMall.Testing.Balancing;

namespace FeedMall.Benchmarks.Plots;

/// <summary>What share of the traffic the odd server gets, second by second.</summary>
internal static class BalancingPlots
{
    public static LineChart FailingServer() => Shares("One of ten servers fails at once until 20 s", BalancingScenarios.Heals, server: 0) with
    {
        Bands = [new Band("server 0 fails", 0, 20)],
    };

    public static LineChart JoiningServer() => Shares("An eleventh server joins at 10 s", BalancingScenarios.Joins, server: 10);

    private static LineChart Shares(string title, BalancingScenario scenario, int server) => new(title, "seconds", "share of the odd server (1 is fair)",
        [.. BalancingTable.Policies.Select(policy => new Series(policy.Key, SharesPerSecond(BalancingSimulation.Run(scenario, policy.Value), scenario, server)))]);

    private static (double X, double Y)[] SharesPerSecond(SimulationResult run, BalancingScenario scenario, int server) =>
        [.. Enumerable.Range(0, (int)scenario.Seconds).Select(second => (second + 0.5, run.Share(server, second, second + 1)))];
}
