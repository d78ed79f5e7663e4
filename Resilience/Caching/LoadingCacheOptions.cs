namespace FeedMall.Resilience.Caching;

/// <summary>Settings of <see cref="LoadingCache{TKey,TValue}"/>.</summary>
public sealed record LoadingCacheOptions
{
    /// <summary>How long a value is fresh. 1 ms to 30 days; default 60 s.</summary>
    public TimeSpan TimeToLive { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long after that it is still served while one load in the background renews it. 0 (off) to 30 days; default 30 s.</summary>
    public TimeSpan StaleWhileRevalidate { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long after its freshness it is still served when loading fails. 0 (off) to 30 days; default 1 day.</summary>
    public TimeSpan StaleIfError { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How long "there is none" is known. 0 (not kept) to <see cref="TimeToLive"/>; default 10 s.</summary>
    public TimeSpan NegativeTimeToLive { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Share of the room that negative entries get, so that guessed keys do not drive out values. More than 0, at most 0.5; default 0.1.
    /// </summary>
    public double NegativeShare { get; init; } = 0.1;

    /// <summary>Spread of both times to live, as a share to either side. 0 to 0.9; default 0.05.</summary>
    public double Jitter { get; init; } = TtlJitter.DefaultShare;

    /// <summary>Entries at most, negative ones included. 2 to 100 000 000; default 10 000.</summary>
    public int MaxEntries { get; init; } = 10_000;

    /// <summary>Sum of the entries' weights at most, in whatever the cache weighs its values. 2 or more; default no bound.</summary>
    public long MaxWeight { get; init; } = long.MaxValue;

    /// <summary>
    /// Renews a fresh value early by chance, the more likely the longer its load took and the nearer its end is (XFetch): more than 1 favours
    /// earlier. 0 (off) to 100; default 0.
    /// </summary>
    public double EarlyRefresh { get; init; }

    /// <summary>Of the loads.</summary>
    public SingleFlightOptions Loads { get; init; } = new();

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        var most = TimeSpan.FromDays(30);
        Within(TimeToLive, TimeSpan.FromMilliseconds(1), most, nameof(TimeToLive));
        Within(StaleWhileRevalidate, TimeSpan.Zero, most, nameof(StaleWhileRevalidate));
        Within(StaleIfError, TimeSpan.Zero, most, nameof(StaleIfError));
        Within(NegativeTimeToLive, TimeSpan.Zero, TimeToLive, nameof(NegativeTimeToLive));
        Within(NegativeShare, double.Epsilon, 0.5, nameof(NegativeShare));
        Within(Jitter, 0, 0.9, nameof(Jitter));
        Within(MaxEntries, 2, 100_000_000, nameof(MaxEntries));
        Within(MaxWeight, 2, long.MaxValue, nameof(MaxWeight));
        Within(EarlyRefresh, 0, 100, nameof(EarlyRefresh));
        Loads.Check();
    }

    private static void Within<T>(T value, T least, T most, string name) where T : IComparable<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most, name);
    }
}
