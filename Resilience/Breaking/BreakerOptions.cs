namespace FeedMall.Resilience.Breaking;

/// <summary>Settings that both kinds of breakers have.</summary>
public abstract record BreakerOptions
{
    /// <summary>How far back calls count. 100 ms to 10 min.</summary>
    public required TimeSpan Window { get; init; }

    /// <summary>Into how many slots the window is cut; one slot is the grain, and at least 1 ms wide. 2 to 1000.</summary>
    public required int Buckets { get; init; }

    /// <summary>
    /// How many calls are let through for each one that the target does: 2 sends it about one in vain for each good one, 1.1 one for ten. The share of
    /// successes below which calls are dropped is 1 / K. More than 1, to 10.
    /// </summary>
    public required double K { get; init; }

    /// <summary>Nothing is dropped while fewer calls than this stand in the window. 0 to 1 000 000; default 20.</summary>
    public int MinRequests { get; init; } = 20;

    /// <summary>While throttling, a call is let through when none was for longer than this; infinite: never.</summary>
    internal virtual TimeSpan ProbeAfter => Timeout.InfiniteTimeSpan;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public virtual void Check()
    {
        Within(Window, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10), nameof(Window));
        Within(Buckets, 2, 1000, nameof(Buckets));
        Within(Window / Buckets, TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(5), nameof(Buckets));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(K, 1, nameof(K));
        Within(K, 1, 10, nameof(K));
        Within(MinRequests, 0, 1_000_000, nameof(MinRequests));
    }

    private protected static void Within<T>(T value, T least, T most, string name) where T : IComparable<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most, name);
    }
}
