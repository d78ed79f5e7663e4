namespace FeedMall.Resilience.RateLimiting;

/// <summary>Settings of <see cref="TokenBucket"/>.</summary>
public sealed record TokenBucketOptions
{
    /// <summary>
    /// Tokens that come back per second. 0: none, so that only the first <see cref="Burst"/> is ever given. 0.000001 to 1 000 000 000;
    /// <see cref="double.PositiveInfinity"/>: everything passes. Default 100.
    /// </summary>
    public double Rate { get; init; } = 100;

    /// <summary>Most tokens that lie in the bucket. 1 to 1 000 000 000; default 100.</summary>
    public double Burst { get; init; } = 100;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        if (Rate != 0 && !double.IsPositiveInfinity(Rate) && Rate is not (>= 1e-6 and <= 1e9))
            throw new ArgumentOutOfRangeException(nameof(Rate), Rate, "must be 0, 0.000001 to 1000000000 or infinite");
        if (Burst is not (>= 1 and <= 1e9)) throw new ArgumentOutOfRangeException(nameof(Burst), Burst, "must be 1 to 1000000000");
    }
}
