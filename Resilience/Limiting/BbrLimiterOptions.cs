namespace FeedMall.Resilience.Limiting;

/// <summary>Settings of <see cref="BbrLimiter"/>.</summary>
public sealed record BbrLimiterOptions
{
    /// <summary>From this load on, the limit holds. 1 to 1000; default 800.</summary>
    public double LoadThreshold { get; init; } = 800;

    /// <summary>How far back throughput and execution time are looked at. Must be several times what the load signal needs to notice. 1 s to 10 min; default 10 s.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Parts of the window, each at least 1 ms. 10 to 1000; default 100.</summary>
    public int Buckets { get; init; } = 100;

    /// <summary>Complete buckets with samples below which nothing is concluded from them. 1 to <see cref="Buckets"/> − 1, as one is always filling; default 5.</summary>
    public int MinBuckets { get; init; } = 5;

    /// <summary>How long the limit goes on to hold below the threshold, from the first drop of an episode. 0 to 1 min; default 1 s.</summary>
    public TimeSpan CoolDown { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The most that is ever in flight, whatever the load: it holds while the load signal has not noticed yet. 1 to 1 000 000; default 32 for each core, at least 64.</summary>
    public int Ceiling { get; init; } = Math.Max(64, 32 * Environment.ProcessorCount);

    /// <summary>
    /// The shortest execution time of the window counts at most this many times that of the last ten windows, so that a queue which has filled the whole window does
    /// not pass for slow work. 1 to 1 000 000; default 2.
    /// </summary>
    public double BaselineFactor { get; init; } = 2;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(LoadThreshold, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(LoadThreshold, 1000);
        ArgumentOutOfRangeException.ThrowIfLessThan(Window, TimeSpan.FromSeconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Window, TimeSpan.FromMinutes(10));
        ArgumentOutOfRangeException.ThrowIfLessThan(Buckets, 10);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Buckets, 1000);
        ArgumentOutOfRangeException.ThrowIfLessThan(MinBuckets, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MinBuckets, Buckets - 1, nameof(MinBuckets));
        ArgumentOutOfRangeException.ThrowIfLessThan(CoolDown, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(CoolDown, TimeSpan.FromMinutes(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(Ceiling, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Ceiling, 1_000_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(BaselineFactor, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(BaselineFactor, 1_000_000);
    }
}
