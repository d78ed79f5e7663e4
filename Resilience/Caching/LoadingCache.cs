namespace FeedMall.Resilience.Caching;

/// <summary>
/// A bounded cache in this process that loads what it lacks. (ALGORITHMS §10.2–§10.4.) A fresh value is served; one that is no longer fresh is served too
/// while one load in the background renews it; after that, callers wait for one common load, and if that fails get the old value, if it is not too old.
/// "There is none" is kept for a shorter time, in a share of the room of its own.
/// </summary>
/// <remarks>
/// <para>Writers call <see cref="Invalidate"/> or <see cref="Set"/> after their commit. A load that began before does not fill the cache then.</para>
/// <para>When loading fails, freshness is moved forward by min(5 s, time to live / 10), so that a dead source is asked once per interval only.</para>
/// <para>Thread safe. A hit takes no lock and allocates nothing. The room is bounded as <see cref="EvictingMap{TKey,TValue}"/> says.</para>
/// </remarks>
public sealed class LoadingCache<TKey, TValue> where TKey : notnull
{
    private static readonly TimeSpan s_longestGrace = TimeSpan.FromSeconds(5);

    // Guards changes of both maps, and the order of a fill and an invalidation. Taken before the lock of _flights, never after it.
    private readonly Lock _gate = new();
    private readonly EvictingMap<TKey, Entry<TValue>> _values = new(0, 0);
    private readonly EvictingMap<TKey, Entry<TValue>> _negatives = new(0, 0);
    private readonly SingleFlight<TKey, TValue> _flights;
    private readonly Func<TKey, CancellationToken, Task<TValue>> _source;
    private readonly Func<Flight<TKey>, Task<TValue>> _fly;
    private readonly TimeProvider _clock;
    private readonly IChance _chance;
    private readonly ServedCounts _served = new();
    private LoadingCacheOptions _options;
    private long _failures, _outdated;

    /// <summary>An empty cache. Checks the options.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="source">Loads a value. Its token fires when nobody waits any more, or at the time limit.</param>
    public LoadingCache(LoadingCacheOptions options, Func<TKey, CancellationToken, Task<TValue>> source, TimeProvider clock, IChance chance)
    {
        options.Check();
        (_options, _source, _clock, _chance) = (options, source, clock, chance);
        _flights = new SingleFlight<TKey, TValue>(options.Loads, clock);
        _fly = FlyAsync;
        Resize(options);
    }

    /// <summary>Which values mean "there is none", of whatever kind. Default: null.</summary>
    public Func<TValue, bool> IsNegative { get; init; } = value => value is null;

    /// <summary>What an entry weighs, 0 or more. Default: 1.</summary>
    public Func<TKey, TValue, long> WeightOf { get; init; } = (_, _) => 1;

    /// <summary>
    /// The version of a value. An older one does not replace a newer one that is fresh, so that writers may call <see cref="Set"/> in any order.
    /// Default: all are alike.
    /// </summary>
    public Func<TValue, long> VersionOf { get; init; } = _ => 0;

    /// <summary>Which failures of the source an old value may cover. Default: all. Leave out refusals, such as "forbidden".</summary>
    public Func<Exception, bool> IsOutage { get; init; } = _ => true;

    /// <summary>Setting checks, and counts from then on: entries keep the times that they came with, and those that no longer fit are evicted.</summary>
    public LoadingCacheOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            lock (_gate)
            {
                Volatile.Write(ref _options, value);
                Resize(value);
                _flights.Options = value.Loads;
            }
        }
    }

    /// <summary>The value of a key, loaded if need be.</summary>
    /// <param name="key">Everything that changes the answer.</param>
    /// <param name="cancellation">Ends this caller's wait; a load that others wait for goes on.</param>
    /// <param name="timeLeft">How long this caller can use an answer; see <see cref="SingleFlight{TKey,TValue}.RunAsync"/>.</param>
    public ValueTask<Cached<TValue>> GetAsync(TKey key, CancellationToken cancellation = default, TimeSpan? timeLeft = null)
    {
        var now = _clock.GetTimestamp();
        if (_values.TryGet(key, out var entry))
        {
            if (now < entry.FreshUntil)
            {
                if (entry.IsFailing) return new(Serve(entry, CacheStatus.StaleError, now));
                if (IsRefreshedEarly(entry, now)) _flights.TryBegin(key, _fly);
                return new(Serve(entry, CacheStatus.Hit, now));
            }
            if (now < entry.StaleUntil)
            {
                _flights.TryBegin(key, _fly);
                return new(Serve(entry, CacheStatus.Stale, now));
            }
        }
        else if (_negatives.TryGet(key, out entry) && now < entry.FreshUntil)
        {
            return new(Serve(entry, CacheStatus.Negative, now));
        }
        return LoadAsync(key, cancellation, timeLeft);
    }

    /// <summary>Takes a value that was just written. Call it after the commit.</summary>
    /// <returns>False when a newer version stands there, or when it is too heavy for the cache.</returns>
    public bool Set(TKey key, TValue value)
    {
        lock (_gate)
        {
            _flights.Forget(key);
            return Store(key, value, _clock.GetTimestamp(), loadTicks: 0);
        }
    }

    /// <summary>Drops what is known about a key, and keeps loads that are under way from filling it. Call it after the commit.</summary>
    public void Invalidate(TKey key)
    {
        lock (_gate)
        {
            _flights.Forget(key);
            _values.Remove(key);
            _negatives.Remove(key);
        }
    }

    /// <summary>Drops everything, for example because notices of changes may have been lost.</summary>
    public void InvalidateAll()
    {
        lock (_gate)
        {
            _flights.ForgetAll();
            _values.Clear();
            _negatives.Clear();
        }
    }

    /// <summary>What it holds and has done.</summary>
    public LoadingCacheSnapshot Snapshot()
    {
        lock (_gate)
        {
            return new(
                _values.Count, _negatives.Count, _values.Weight + _negatives.Weight,
                _served[CacheStatus.Hit], _served[CacheStatus.Miss], _served[CacheStatus.Stale], _served[CacheStatus.StaleError], _served[CacheStatus.Negative],
                Interlocked.Read(ref _failures), _values.Evicted + _negatives.Evicted, _outdated, _flights.Snapshot());
        }
    }

    private async ValueTask<Cached<TValue>> LoadAsync(TKey key, CancellationToken cancellation, TimeSpan? timeLeft)
    {
        if (timeLeft <= TimeSpan.Zero) throw new TimeoutException("no time is left to load");
        try
        {
            var (value, _) = await _flights.RunAsync(key, _fly, cancellation, timeLeft);
            _served.Add(CacheStatus.Miss);
            return new(value, CacheStatus.Miss, TimeSpan.Zero);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            if (CoverFailure(key, e) is { } entry) return Serve(entry, CacheStatus.StaleError, _clock.GetTimestamp());
            Interlocked.Increment(ref _failures);
            throw;
        }
    }

    private async Task<TValue> FlyAsync(Flight<TKey> flight)
    {
        var startedAt = _clock.GetTimestamp();
        try
        {
            var value = await _source(flight.Key, flight.Cancellation);
            var now = _clock.GetTimestamp();
            lock (_gate)
            {
                if (flight.IsCurrent) Store(flight.Key, value, now, now - startedAt);
                else _outdated++;
            }
            return value;
        }
        catch (Exception e) when (flight.IsCurrent)
        {
            // A load in the background has nobody who waits and would do it.
            CoverFailure(flight.Key, e);
            throw;
        }
    }

    // Under the lock.
    private bool Store(TKey key, TValue value, long now, long loadTicks)
    {
        var isNegative = IsNegative(value);
        if (!isNegative && _values.TryGet(key, out var before) && now < before.FreshUntil && VersionOf(value) < VersionOf(before.Value))
        {
            _outdated++;
            return false;
        }
        var options = _options;
        var ttl = new TtlJitter(options.Jitter).Apply(isNegative ? options.NegativeTimeToLive : options.TimeToLive, _chance);
        var freshUntil = now + Ticks(ttl);
        var entry = isNegative
            ? new Entry<TValue>(value, now, freshUntil, freshUntil, freshUntil, loadTicks)
            : new Entry<TValue>(value, now, freshUntil, freshUntil + Ticks(options.StaleWhileRevalidate), freshUntil + Ticks(options.StaleIfError), loadTicks);
        // First the new one, so that a reader finds one of both; it looks for values first.
        var kept = ttl > TimeSpan.Zero && (isNegative ? _negatives : _values).Set(key, entry, Math.Max(0, WeightOf(key, value)));
        (isNegative ? _values : _negatives).Remove(key);
        return kept;
    }

    /// <summary>The old value, if it may stand in for what could not be loaded; then it counts as fresh for a while, so that the source is left alone.</summary>
    private Entry<TValue>? CoverFailure(TKey key, Exception e)
    {
        if (!IsOutage(e)) return null;
        var now = _clock.GetTimestamp();
        lock (_gate)
        {
            if (!_values.TryGet(key, out var entry) || now >= entry.ErrorUntil) return null;
            // Another one of those who waited has done it, or a writer brought a new value.
            if (now < entry.FreshUntil) return entry;
            var grace = _options.TimeToLive / 10 < s_longestGrace ? _options.TimeToLive / 10 : s_longestGrace;
            var covered = entry with { FreshUntil = Math.Min(now + Ticks(grace), entry.ErrorUntil), IsFailing = true };
            _values.Set(key, covered, Math.Max(0, WeightOf(key, entry.Value)));
            return covered;
        }
    }

    // XFetch: refresh if Δ · β · (−ln u) ≥ what remains. 40 is more than −ln of the least u.
    private bool IsRefreshedEarly(Entry<TValue> entry, long now)
    {
        var beta = Volatile.Read(ref _options).EarlyRefresh;
        var remaining = entry.FreshUntil - now;
        return beta > 0 && remaining <= entry.LoadTicks * beta * 40 && entry.LoadTicks * beta * -Math.Log(_chance.NextDouble()) >= remaining;
    }

    private Cached<TValue> Serve(Entry<TValue> entry, CacheStatus status, long now)
    {
        _served.Add(status);
        return new(entry.Value, status, now > entry.StoredAt ? _clock.GetElapsedTime(entry.StoredAt, now) : TimeSpan.Zero);
    }

    private void Resize(LoadingCacheOptions options)
    {
        var negatives = Math.Clamp((int)(options.MaxEntries * options.NegativeShare), 1, options.MaxEntries - 1);
        var isWeighed = options.MaxWeight < long.MaxValue;
        var weight = isWeighed ? Math.Clamp((long)(options.MaxWeight * options.NegativeShare), 1, options.MaxWeight - 1) : long.MaxValue;
        _negatives.Resize(negatives, weight);
        _values.Resize(options.MaxEntries - negatives, isWeighed ? options.MaxWeight - weight : long.MaxValue);
    }

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _clock.TimestampFrequency);
}

/// <summary>What is kept of a key. Times are timestamps of the clock.</summary>
/// <param name="LoadTicks">How long the load took.</param>
internal sealed record Entry<TValue>(TValue Value, long StoredAt, long FreshUntil, long StaleUntil, long ErrorUntil, long LoadTicks)
{
    /// <summary>It only counts as fresh because the source does not answer.</summary>
    public bool IsFailing { get; init; }
}

/// <summary>Answers by their status.</summary>
internal sealed class ServedCounts
{
    // Eight apart, so that threads that count different ones do not share a cache line.
    private const int Stride = 8;
    private readonly long[] _counts = new long[5 * Stride];

    public long this[CacheStatus status] => Interlocked.Read(ref _counts[(int)status * Stride]);

    public void Add(CacheStatus status) => Interlocked.Increment(ref _counts[(int)status * Stride]);
}
