using System.Collections.Concurrent;

namespace FeedMall.Resilience.Breaking;

/// <summary>Settings of <see cref="KeyedBreakers{TKey}"/>.</summary>
public sealed record KeyedBreakersOptions
{
    /// <summary>A breaker that nobody asked for during this time is forgotten. 1 s to 1 day; default 10 min.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Most breakers at once. 1 to 1 000 000; default 10 000.</summary>
    public int MaxKeys { get; init; } = 10_000;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(IdleTime, TimeSpan.FromSeconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(IdleTime, TimeSpan.FromDays(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxKeys, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxKeys, 1_000_000);
    }
}

/// <summary>
/// A breaker for each key, made when it is first asked for: one for each target and method, so that a method that fails does not close the others.
/// (ALGORITHMS §2.4.)
/// </summary>
/// <remarks>
/// The number of keys is bounded: when a new one finds no room, those that were idle longest go, an eighth at a time. A breaker that went has forgotten
/// what it counted and starts closed, so the bound costs protection, never calls. Permits of a breaker that went are given back as always.
/// </remarks>
public sealed class KeyedBreakers<TKey> where TKey : notnull
{
    // Guards adding and removing, so that a key has one breaker and the bound holds, and the dry run. Looking up takes no lock.
    private readonly Lock _changing = new();
    private readonly ConcurrentDictionary<TKey, Entry> _entries = new();
    private readonly Func<TKey, Breaker> _create;
    private readonly TimeProvider _clock;
    private volatile KeyedBreakersOptions _options;
    private volatile bool _dryRun;
    private long _sweptAt;
    private long _evicted;

    /// <summary>Checks the options.</summary>
    /// <param name="create">Makes the breaker of a key. Called under a lock: it must not ask for another one.</param>
    public KeyedBreakers(KeyedBreakersOptions options, Func<TKey, Breaker> create, TimeProvider clock)
    {
        options.Check();
        _options = options;
        _create = create;
        _clock = clock;
        _sweptAt = clock.GetTimestamp();
    }

    /// <summary>May be changed at any time; a smaller bound takes effect with the next new key.</summary>
    public KeyedBreakersOptions Options
    {
        get => _options;
        set
        {
            value.Check();
            _options = value;
        }
    }

    /// <summary>Of all breakers, those made later included. True: they decide and count as always, but let everything in.</summary>
    public bool DryRun
    {
        get => _dryRun;
        set
        {
            lock (_changing)
            {
                _dryRun = value;
                foreach (var entry in _entries.Values) entry.Breaker.DryRun = value;
            }
        }
    }

    /// <summary>Breakers at present.</summary>
    public int Count => _entries.Count;

    /// <summary>Breakers that were forgotten since the start, for being idle or for want of room.</summary>
    public long Evicted => Interlocked.Read(ref _evicted);

    /// <summary>The breaker of the key.</summary>
    public Breaker Get(TKey key)
    {
        var now = _clock.GetTimestamp();
        if (_clock.GetElapsedTime(Volatile.Read(ref _sweptAt), now) > _options.IdleTime / 10) Sweep(now);
        var entry = _entries.TryGetValue(key, out var known) ? known : Add(key, now);
        entry.Use(now, _clock.TimestampFrequency);
        return entry.Breaker;
    }

    /// <summary>For governor, console and tests.</summary>
    public IReadOnlyList<(TKey Key, BreakerSnapshot Breaker)> Snapshot() => [.. _entries.Select(pair => (pair.Key, pair.Value.Breaker.Snapshot()))];

    private Entry Add(TKey key, long now)
    {
        lock (_changing)
        {
            if (_entries.TryGetValue(key, out var known)) return known;
            MakeRoom();
            var breaker = _create(key);
            breaker.DryRun |= _dryRun;
            return _entries[key] = new Entry(breaker, now);
        }
    }

    // Forgets what was idle for too long. A tenth of that time apart: a key may stay that much longer.
    private void Sweep(long now)
    {
        lock (_changing)
        {
            if (_clock.GetElapsedTime(_sweptAt, now) <= _options.IdleTime / 10) return;
            _sweptAt = now;
            foreach (var (key, entry) in _entries)
                if (_clock.GetElapsedTime(entry.UsedAt, now) > _options.IdleTime) Evict(key);
        }
    }

    private void MakeRoom()
    {
        var most = _options.MaxKeys;
        if (_entries.Count < most) return;
        foreach (var (key, _) in _entries.OrderBy(pair => pair.Value.UsedAt).Take(_entries.Count - most + 1 + most / 8)) Evict(key);
    }

    private void Evict(TKey key)
    {
        if (_entries.TryRemove(key, out _)) Interlocked.Increment(ref _evicted);
    }

    private sealed class Entry(Breaker breaker, long now)
    {
        private long _usedAt = now;

        public Breaker Breaker => breaker;

        public long UsedAt => Volatile.Read(ref _usedAt);

        // To the nearest tenth of a second, so that threads that share a breaker do not all write here.
        public void Use(long now, long frequency)
        {
            if (now - UsedAt > frequency / 10) Volatile.Write(ref _usedAt, now);
        }
    }
}
