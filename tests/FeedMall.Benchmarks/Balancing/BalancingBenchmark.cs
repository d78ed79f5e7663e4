using System.Globalization;
using FeedMall.Testing.Balancing;

namespace FeedMall.Benchmarks.Balancing;

/// <summary>The balancing simulation as a page: the same runs that the tests check.</summary>
internal static class BalancingBenchmark
{
    public static int Run(string[] args)
    {
        var page = string.Create(CultureInfo.InvariantCulture, $"""
            # What the balancers make of sick servers

            A simulation in virtual time with the real balancers of `Resilience/Balancing/`: requests come at random distances and do not wait for each other. 10
            servers with 4 workers each; a request takes 10 ms on average, exponentially distributed; one client, unless a line says otherwise. Fixed seeds: a
            run repeats exactly. A share is what a server got, divided by what the others got on average: 1 is fair.
            `tests/FeedMall.Tests/Resilience/Balancing/BalancingSimulationTests.cs` holds the ranges that these figures must stay in.

            Made by `dotnet run -c Release --project tests/FeedMall.Benchmarks -- balancing --out docs/results/balancing.md`.

            {BalancingTable.Run()}
            Read it so: calls in flight alone (third column) already save the slow server, but a server that fails at once has few calls in flight and draws
            traffic. The success in the score of the last column ends that, and its slow start keeps a server that joins from being flooded while it is cold.
            Where all servers are alike, the four differ little.
            """);
        Console.WriteLine(page);
        if (args is ["--out", var file]) File.WriteAllText(file, page);
        return 0;
    }
}
