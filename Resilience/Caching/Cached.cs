namespace FeedMall.Resilience.Caching;

/// <summary>Where an answer of a <see cref="LoadingCache{TKey,TValue}"/> comes from.</summary>
public enum CacheStatus
{
    /// <summary>HIT: fresh, from the cache.</summary>
    Hit,

    /// <summary>MISS: loaded now.</summary>
    Miss,

    /// <summary>STALE: no longer fresh, and being renewed in the background.</summary>
    Stale,

    /// <summary>STALE_ERROR: no longer fresh, because loading failed.</summary>
    StaleError,

    /// <summary>NEGATIVE: known not to exist, from the cache.</summary>
    Negative,
}

/// <summary>An answer of a <see cref="LoadingCache{TKey,TValue}"/>.</summary>
/// <param name="Value">The same object for all: do not change it.</param>
/// <param name="Status">Where it comes from.</param>
/// <param name="Age">Time since it was loaded.</param>
public readonly record struct Cached<TValue>(TValue Value, CacheStatus Status, TimeSpan Age);

/// <summary>What a <see cref="LoadingCache{TKey,TValue}"/> holds and has done.</summary>
/// <param name="Entries">Values that are kept, fresh or not.</param>
/// <param name="NegativeEntries">Keys that are known to have none.</param>
/// <param name="Weight">Of both together.</param>
/// <param name="Hits">Answers with <see cref="CacheStatus.Hit"/>.</param>
/// <param name="Misses">Answers with <see cref="CacheStatus.Miss"/>.</param>
/// <param name="Stale">Answers with <see cref="CacheStatus.Stale"/>.</param>
/// <param name="StaleErrors">Answers with <see cref="CacheStatus.StaleError"/>.</param>
/// <param name="Negatives">Answers with <see cref="CacheStatus.Negative"/>.</param>
/// <param name="Failures">Callers who got an exception of the load.</param>
/// <param name="Evicted">Entries that made room for others.</param>
/// <param name="Outdated">Loads that did not fill, because the key was written meanwhile or a newer version stood there.</param>
/// <param name="Loads">What the loads did.</param>
public readonly record struct LoadingCacheSnapshot(
    int Entries, int NegativeEntries, long Weight, long Hits, long Misses, long Stale, long StaleErrors, long Negatives, long Failures,
    long Evicted, long Outdated, SingleFlightSnapshot Loads);
