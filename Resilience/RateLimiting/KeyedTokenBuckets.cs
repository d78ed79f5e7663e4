using System.Collections.Concurrent;

namespace FeedMall.Resilience.RateLimiting;

/// <summary>Settings of <see cref="KeyedTokenBuckets{TKey}"/>.</summary>
public sealed record KeyedTokenBucketsOptions
{
    /// <summary>Of each key's bucket.</summary>
    public TokenBucketOptions PerKey { get; init; } = new();

    /// <summary>Of the one bucket that all keys share which find no place of their own. Default: 100 per second, burst 100.</summary>
    public TokenBucketOptions Overflow { get; init; } = new();

    /// <summary>Most keys that have a bucket of their own. 1 to 1 000 000; default 10 000. One takes about 150 bytes and its key.</summary>
    public int MaxKeys { get; init; } = 10_000;

    /// <summary>How often buckets that are full again are cleared out. 1 s to 1 h; default 60 s. While there is no place for a new key: each second.</summary>
    public TimeSpan SweepEvery { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        PerKey.Check();
        Overflow.Check();
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxKeys, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxKeys, 1_000_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(SweepEvery, TimeSpan.FromSeconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(SweepEvery, TimeSpan.FromHours(1));
    }
}

/// <summary>What keyed buckets have and have done.</summary>
/// <param name="Keys">That have a bucket of their own now.</param>
/// <param name="Admitted">Questions that were let pass, those of the dry run included.</param>
/// <param name="Refused">Questions that were refused.</param>
/// <param name="WouldHaveRefused">Let pass only because of the dry run.</param>
/// <param name="Overflowed">Questions that the shared bucket answered; rises when somebody invents keys, or MaxKeys is too small.</param>
public readonly record struct KeyedRateSnapshot(int Keys, long Admitted, long Refused, long WouldHaveRefused, long Overflowed);

/// <summary>
/// A token bucket for each key: user, address, tenant. (ALGORITHMS §5.5.)
/// </summary>
/// <remarks>
/// <para>Memory is bounded. A bucket that is full again is no different from a new one, so those are cleared out, and only those: nobody gets a second burst by being
/// forgotten. When all places are taken by buckets that are not full, a new key shares one overflow bucket with all other new keys. So a caller who
/// invents keys gets no more than MaxKeys buckets and the overflow's rate, and keys that have a bucket keep theirs; what he can do is to make
/// new, honest keys share the overflow, until his buckets have filled up and are swept.</para>
/// <para>Thread safe. A question of a key that has a bucket takes no lock and allocates nothing. Sweeping is done by the caller who brings a new key, and looks at every
/// bucket. Threads that bring the same new key at once count as one key each for that moment, so close to the bound one of them may be sent to the overflow.</para>
/// </remarks>
/// <typeparam name="TKey">Bound its length before it comes here: keys are kept as they are.</typeparam>
public sealed class KeyedTokenBuckets<TKey> where TKey : notnull
{
    private static readonly TimeSpan s_sweepWhenFull = TimeSpan.FromSeconds(1);

    // Guards the change of the options and of _scale; a bucket that was made by the old ones meanwhile is brought up to date when it is next asked.
    private readonly Lock _changing = new();
    private readonly ConcurrentDictionary<TKey, BucketState> _buckets = new();
    private readonly TokenBucket _overflow;
    private readonly TimeProvider _clock;
    private KeyedTokenBucketsOptions _options;
    private RefillScale _scale;
    private volatile bool _dryRun;
    // Of the dictionary, which counts only by taking all of its locks. Reserved before a key is added.
    private int _keys;
    private long _sweptAt;
    private long _admitted;
    private long _refused;
    private long _wouldHaveRefused;
    private long _overflowed;

    /// <summary>No keys yet. Checks the options.</summary>
    public KeyedTokenBuckets(KeyedTokenBucketsOptions options, TimeProvider clock)
    {
        options.Check();
        _options = options;
        _clock = clock;
        _scale = new RefillScale(options.PerKey, clock);
        _overflow = new TokenBucket(options.Overflow, clock);
        _sweptAt = clock.GetTimestamp();
    }

    /// <summary>Setting them keeps keys and tokens; with a smaller MaxKeys, keys leave as their buckets fill up.</summary>
    public KeyedTokenBucketsOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            var scale = new RefillScale(value.PerKey, _clock);
            lock (_changing)
            {
                _overflow.Options = value.Overflow;
                Volatile.Write(ref _scale, scale);
                Volatile.Write(ref _options, value);
            }
        }
    }

    /// <summary>True: decide and count as always, but let everything pass. May be changed at any time.</summary>
    public bool DryRun
    {
        get => _dryRun;
        set => _dryRun = value;
    }

    /// <summary>Takes tokens of this key if they are there.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More than the burst of a key, or less than 0.</exception>
    public RateDecision TryTake(TKey key, int tokens = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        var now = _clock.GetTimestamp();
        while (true)
        {
            var scale = Volatile.Read(ref _scale);
            if (scale.IsInfinite) return Decide(true, TimeSpan.Zero);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, scale.Options.Burst);
            if (Find(key, scale, now) is not { } bucket) return TakeFromOverflow(tokens, now);
            if (bucket.TryTake(tokens, now, allowance: 0, out var missing, out _)) return Decide(true, TimeSpan.Zero);
            // Sealed: swept or succeeded by another thread just now. There is a new one, or a place for it.
            if (missing != BucketState.Sealed) return Decide(false, scale.TimeOf(missing));
        }
    }

    /// <summary>Tokens that this key could take now: for telling callers how much they have left. A key without a bucket has a full one.</summary>
    public double Remaining(TKey key)
    {
        var now = _clock.GetTimestamp();
        var scale = Volatile.Read(ref _scale);
        if (scale.IsInfinite || !_buckets.TryGetValue(key, out var bucket)) return scale.Options.Burst;
        // Sealed: just being renewed or swept, and what is swept was full.
        return Math.Min(bucket.Tokens(now) ?? scale.Options.Burst, scale.Options.Burst);
    }

    /// <summary>For governor, console and tests.</summary>
    public KeyedRateSnapshot Snapshot() => new(Volatile.Read(ref _keys), Interlocked.Read(ref _admitted), Interlocked.Read(ref _refused),
        Interlocked.Read(ref _wouldHaveRefused), Interlocked.Read(ref _overflowed));

    private BucketState? Find(TKey key, RefillScale scale, long now)
    {
        if (!_buckets.TryGetValue(key, out var bucket)) return Add(key, scale, now);
        return bucket.Scale == scale ? bucket : Renew(key, now);
    }

    // Null: there is no place.
    private BucketState? Add(TKey key, RefillScale scale, long now)
    {
        var options = Options;
        var isFull = Volatile.Read(ref _keys) >= options.MaxKeys;
        SweepWhenDue(isFull ? s_sweepWhenFull : options.SweepEvery, now);
        if (Interlocked.Increment(ref _keys) > options.MaxKeys)
        {
            Interlocked.Decrement(ref _keys);
            return null;
        }
        var added = new BucketState(scale, now, scale.Options.Burst);
        var found = _buckets.GetOrAdd(key, added);
        if (found != added) Interlocked.Decrement(ref _keys);
        return found;
    }

    // A bucket of older options: its tokens go on under the present ones.
    private BucketState? Renew(TKey key, long now)
    {
        lock (_changing)
        {
            if (!_buckets.TryGetValue(key, out var bucket)) return Add(key, _scale, now);
            if (bucket.Scale == _scale) return bucket;
            return _buckets[key] = bucket.Succeed(_scale, now);
        }
    }

    private void SweepWhenDue(TimeSpan every, long now)
    {
        var sweptAt = Interlocked.Read(ref _sweptAt);
        if (_clock.GetElapsedTime(sweptAt, now) < every || Interlocked.CompareExchange(ref _sweptAt, now, sweptAt) != sweptAt) return;
        // With the lock, so that no bucket is renewed while it is taken out.
        lock (_changing)
        {
            foreach (var (key, bucket) in _buckets)
            {
                if (bucket.TrySealFull(now) && _buckets.TryRemove(new KeyValuePair<TKey, BucketState>(key, bucket))) Interlocked.Decrement(ref _keys);
            }
        }
    }

    private RateDecision TakeFromOverflow(int tokens, long now)
    {
        Interlocked.Increment(ref _overflowed);
        // A key may take more at once than the overflow ever holds; from there it gets nothing.
        if (tokens > _overflow.Options.Burst) return Decide(false, s_sweepWhenFull);
        var decision = _overflow.TryTake(tokens, now);
        return Decide(decision.IsAdmitted, decision.RetryAfter);
    }

    private RateDecision Decide(bool taken, TimeSpan retryAfter)
    {
        if (taken)
        {
            Interlocked.Increment(ref _admitted);
            return RateDecision.Admitted;
        }
        var dryRun = _dryRun;
        Interlocked.Increment(ref dryRun ? ref _wouldHaveRefused : ref _refused);
        if (dryRun) Interlocked.Increment(ref _admitted);
        return new RateDecision(dryRun, Reason.RateLimited, retryAfter);
    }
}
