using System.Globalization;
using FeedMall.Testing.Overload;

namespace FeedMall.Benchmarks.Overload;

/// <summary>The overload simulation as a page: the same runs that the tests check.</summary>
internal static class OverloadSimulationPage
{
    public static int Run(string[] args)
    {
        var table = OverloadTable.Run();
        var page = string.Create(CultureInfo.InvariantCulture, $"""
            # What is left of a server under overload

            A simulation in virtual time with the real limiters and queues of `Resilience/`. One server with 4 workers of 10 ms on average, exponentially distributed:
            400 requests/s. Requests come at random distances and do not wait for each other: 200/s, from 15 to 45 s as many capacities as the column says, then
            200/s again. A client waits 300 ms. Fixed seeds: a run repeats exactly. A cell shows the answers in time per second at 20–25 s, at 25–45 s and at 47–60 s, and
            the 99th percentile of what was worked on at 25–45 s. `tests/FeedMall.Tests/Resilience/Queueing/OverloadSimulationTests.cs` holds the ranges.

            Made by `./bench overload-simulation --out docs/results/overload-simulation.md`.

            {table}
            In the last column a request is critical_plus with a probability of 0.1, and of each other tier with 0.3. Answered in time at 20–45 s:

            | policy | critical_plus | critical | sheddable_plus | sheddable |
            | --- | ---: | ---: | ---: | ---: |
            {string.Join('\n', OverloadTable.Policies.Select(policy => Tiers(table[OverloadTable.Tiers, policy], policy.Name)))}
            """);
        Console.WriteLine(page);
        if (args is ["--out", var file]) File.WriteAllText(file, page);
        return 0;
    }

    private static string Tiers(OverloadResult run, string policy) => string.Create(CultureInfo.InvariantCulture,
        $"| {policy} | {string.Join(" | ", Enumerable.Range(0, 4).Select(tier => (100 * run.GoodShare(tier, 20, 45)).ToString("0.0", CultureInfo.InvariantCulture)))} |");
}
