using FeedMall.Resilience.Quotas;

namespace FeedMall.Testing.Quotas;

/// <summary>How the nodes share the limit.</summary>
public enum Sharing
{
    /// <summary>Leases of max-min fair rates.</summary>
    Leases,

    /// <summary>The same rates, worked out by the nodes themselves.</summary>
    Peers,

    /// <summary>Batches to whoever comes first.</summary>
    Batches,
}

/// <summary>Nodes that share a quota, and what is asked of them.</summary>
public sealed record QuotaScenario
{
    /// <summary>As the page calls it.</summary>
    public required string Name { get; init; }

    /// <summary>Requests per second that come to each node, from so many seconds on.</summary>
    public required Func<int, double[]> OfferedAt { get; init; }

    /// <summary>Length of the run.</summary>
    public int Seconds { get; init; } = 60;

    /// <summary>Of all nodes together, per second.</summary>
    public double Limit { get; init; } = 1000;

    /// <summary>How it is shared.</summary>
    public Sharing Sharing { get; init; }

    /// <summary>Tokens in a batch. 20 are 10 % of each one's equal part.</summary>
    public long Batch { get; init; } = 20;

    /// <summary>What a node does without a lease.</summary>
    public QuotaFallback Fallback { get; init; }

    /// <summary>Whether the allocator answers in this second.</summary>
    public Func<int, bool> IsUpAt { get; init; } = _ => true;

    private static readonly double[] s_mixed = [600, 400, 200, 100, 50];

    /// <summary>Five nodes that want 1350 of 1000.</summary>
    public static QuotaScenario Steady { get; } = new() { Name = "steady", OfferedAt = _ => s_mixed };

    /// <summary>At 30 s the first node's users go to the fifth.</summary>
    public static QuotaScenario MovingHotSpot { get; } = new() { Name = "moving hot spot", OfferedAt = second => second < 30 ? s_mixed : [50, 400, 200, 100, 600] };

    /// <summary>The allocator is gone from 20 s to 40 s.</summary>
    public static QuotaScenario Outage { get; } = Steady with { Name = "allocator gone", IsUpAt = second => second is < 20 or >= 40 };
}

/// <summary>One second of a run, a value for each node.</summary>
public sealed record QuotaSecond(int Second, int[] Offered, int[] Admitted)
{
    /// <summary>Of all nodes.</summary>
    public int Sum => Admitted.Sum();
}

/// <summary>What came of a run.</summary>
public sealed record QuotaResult(IReadOnlyList<QuotaSecond> Seconds)
{
    /// <summary>Requests per second that a node passed, from one second to before another.</summary>
    public double Rate(int node, int from, int to) => Between(from, to).Average(second => second.Admitted[node]);

    /// <summary>What a node passed of what it was offered, 0 to 1.</summary>
    public double Share(int node, int from, int to) => (double)Between(from, to).Sum(second => second.Admitted[node]) / Between(from, to).Sum(second => second.Offered[node]);

    /// <summary>Requests per second that all nodes passed.</summary>
    public double Rate(int from, int to) => Between(from, to).Average(second => second.Sum);

    private IEnumerable<QuotaSecond> Between(int from, int to) => Seconds.Where(second => second.Second >= from && second.Second < to);
}
