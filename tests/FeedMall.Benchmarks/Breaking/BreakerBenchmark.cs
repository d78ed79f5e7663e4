using FeedMall.Testing.Breaking;

namespace FeedMall.Benchmarks.Breaking;

/// <summary>The breaker simulations as a page: the same runs that the tests check.</summary>
internal static class BreakerBenchmark
{
    public static int Run(string[] args)
    {
        var page = $"""
            # What the breakers make of sick targets

            A simulation in virtual time with the real breakers of `Resilience/Breaking/`: calls come at random distances, and the target answers at once. Fixed
            seeds: a run repeats exactly. `tests/FeedMall.Tests/Resilience/Breaking/BreakerSimulationTests.cs` holds the ranges that these figures must stay in.

            Made by `dotnet run -c Release --project tests/FeedMall.Benchmarks -- breaker --out docs/results/breaker.md`.

            ## A target that does 50 of 200 calls per second

            The last of two minutes.

            {BreakerTable.Limited()}

            ## A target that fails by chance

            Share of 200 calls per second that is dropped, in the last of two minutes. Below 1 / K the only balance is to drop nearly everything: K says at which
            share of successes one wants to stop.

            {BreakerTable.Flaky()}

            ## A target that is dead for 20 s

            Three seeds. Recovered: less than 1 % of the calls is dropped for three seconds, counted from the end of the outage.

            {BreakerTable.Outage()}

            ## A target with a standby

            {GutterSimulation.Describe()}
            """;
        Console.WriteLine(page);
        if (args is ["--out", var file]) File.WriteAllText(file, page + "\n");
        return 0;
    }
}
