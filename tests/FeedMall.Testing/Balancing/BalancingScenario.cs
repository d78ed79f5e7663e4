namespace FeedMall.Testing.Balancing;

/// <summary>What a request does to a server.</summary>
/// <param name="Milliseconds">How long a worker is busy with it.</param>
/// <param name="Succeeds">How it ends.</param>
/// <param name="NeedsWorker">False: it is answered after that time without waiting for a worker, as by a server that refuses everything.</param>
public readonly record struct Work(double Milliseconds, bool Succeeds = true, bool NeedsWorker = true);

/// <summary>A number that is taken from a run and shown in the table.</summary>
/// <param name="Name">With its unit.</param>
/// <param name="Of">Takes it.</param>
/// <param name="Format">How it is shown.</param>
public sealed record Figure(string Name, Func<SimulationResult, double> Of, string Format = "0.00");

/// <summary>An open-loop load on servers, and what happens to them. Times are seconds from the start.</summary>
public sealed record BalancingScenario(string Name, double Seconds)
{
    /// <summary>Servers at the start.</summary>
    public int Servers { get; init; } = 10;

    /// <summary>Requests that a server works on at once; more wait in the order they came.</summary>
    public int Workers { get; init; } = 4;

    /// <summary>Each has a balancer of its own; requests come to them by chance.</summary>
    public int Clients { get; init; } = 1;

    /// <summary>Requests per second over all clients at a time, at random distances (Poisson).</summary>
    public required Func<double, double> RatePerSecond { get; init; }

    /// <summary>What a request to the server (by number) at a time does. Default: 10 ms on average, exponentially distributed.</summary>
    public Func<int, double, Random, Work> Work { get; init; } = (_, _, random) => new(Exponential(10, random));

    /// <summary>Longest delay on the network, each way, evenly distributed from 0.</summary>
    public double NetworkMilliseconds { get; init; }

    /// <summary>What happens on the way.</summary>
    public IReadOnlyList<(double At, Action<SimulatedCluster> Change)> Changes { get; init; } = [];

    /// <summary>What is shown of it.</summary>
    public required IReadOnlyList<Figure> Figures { get; init; }

    /// <summary>A value with this mean.</summary>
    public static double Exponential(double mean, Random random) => -mean * Math.Log(1 - random.NextDouble());
}
