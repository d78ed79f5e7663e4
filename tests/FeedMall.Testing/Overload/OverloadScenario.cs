using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Load;
using FeedMall.Resilience.Queueing;

namespace FeedMall.Testing.Overload;

/// <summary>
/// An open-loop load on one server: 4 workers of 10 ms each on average (exponentially distributed; 400/s in all) behind an endless queue in the order of arrival.
/// Clients wait 300 ms for an answer. Times are seconds from the start.
/// </summary>
public sealed record OverloadScenario(string Name)
{
    /// <summary>Requests per second that the workers can do.</summary>
    public const double Capacity = 400;

    /// <summary>Workers.</summary>
    public const int Workers = 4;

    /// <summary>How long a client waits for an answer.</summary>
    public const double DeadlineMilliseconds = 300;

    /// <summary>When the overload begins.</summary>
    public const double From = 15;

    /// <summary>When it is over.</summary>
    public const double To = 45;

    /// <summary>When the run ends.</summary>
    public const double Seconds = 60;

    /// <summary>Load during the overload, in capacities. Before and after it is a half.</summary>
    public required double Load { get; init; }

    /// <summary>How often a client tries again what was refused or not answered in time.</summary>
    public int Retries { get; init; }

    /// <summary>Share of the requests in each tier.</summary>
    public IReadOnlyList<double> Tiers { get; init; } = [0, 1, 0, 0];

    /// <summary>Requests per second at a time, at random distances (Poisson).</summary>
    public double RatePerSecond(double at) => Capacity * (at is >= From and < To ? Load : 0.5);
}

/// <summary>How a server protects itself.</summary>
/// <param name="Name">Of its row.</param>
/// <param name="Gate">At the door.</param>
/// <param name="Queue">Before the gate; null: who does not enter at once is refused.</param>
public sealed record OverloadPolicy(string Name, Func<ILoadSignal, TimeProvider, ConcurrencyGate> Gate, AdmissionQueueOptions? Queue = null)
{
    /// <summary>A worker throws away what nobody waits for any more.</summary>
    public bool DropsExpired { get; init; }

    /// <summary>How the processor's load is measured.</summary>
    public LoadOptions Signal { get; init; } = new();
}
