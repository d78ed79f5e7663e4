namespace FeedMall.Resilience.Caching;

/// <summary>Settings of <see cref="HeavyKeeper"/>.</summary>
public sealed record HeavyKeeperOptions
{
    /// <summary>How many keys count as hot at most. 1 to 10 000; default 100.</summary>
    public int Keys { get; init; } = 100;

    /// <summary>Buckets per row. 16 to 1 048 576; 0, the default, is 1024 · max(1, ⌊ln Keys⌋).</summary>
    public int Width { get; init; }

    /// <summary>Rows. 1 to 8; default 4.</summary>
    public int Depth { get; init; } = 4;

    /// <summary>b: a stranger takes one off a bucket of count c with probability b^c. 0.5 to 0.99; default 0.925.</summary>
    public double Decay { get; init; } = 0.925;

    /// <summary>The least count of a hot key. 1 or more; default 1.</summary>
    public int MinCount { get; init; } = 1;

    /// <summary>All counts are halved this often, so that yesterday's hot keys leave. 10 ms to 1 day; default 10 s.</summary>
    public TimeSpan FadeEvery { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        Within(Keys, 1, 10_000, nameof(Keys));
        if (Width != 0) Within(Width, 16, 1 << 20, nameof(Width));
        Within(Depth, 1, 8, nameof(Depth));
        Within(Decay, 0.5, 0.99, nameof(Decay));
        Within(MinCount, 1, int.MaxValue, nameof(MinCount));
        Within(FadeEvery, TimeSpan.FromMilliseconds(10), TimeSpan.FromDays(1), nameof(FadeEvery));
    }

    internal int ActualWidth => Width > 0 ? Width : 1024 * Math.Max(1, (int)Math.Log(Keys));

    private static void Within<T>(T value, T least, T most, string name) where T : IComparable<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most, name);
    }
}
