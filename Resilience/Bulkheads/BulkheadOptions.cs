namespace FeedMall.Resilience.Bulkheads;

/// <summary>Settings of <see cref="Bulkhead"/> and <see cref="KeyedBulkheads"/>.</summary>
public sealed record BulkheadOptions
{
    /// <summary>Work that may be in flight at once. 1 to 1 000 000; default 64.</summary>
    public int Places { get; init; } = 64;

    /// <summary>Keyed: keys with places of their own. All others have to share one bulkhead. 1 to 100 000; default 1000.</summary>
    public int MaxKeys { get; init; } = 1000;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Places, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Places, 1_000_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxKeys, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxKeys, 100_000);
    }
}
