namespace FeedMall.Resilience.RateLimiting;

/// <summary>
/// The bucket itself, in the form of the generic cell rate algorithm: all that was ever taken and all that ever came back are positions on one line of units.
/// What was taken may run ahead of what came back by the capacity. So one word is the whole state, and taking is one compare-and-swap. (ALGORITHMS §5.1.)
/// </summary>
internal sealed class BucketState
{
    /// <summary>As missing units: this state is out of use, ask its owner for the new one.</summary>
    public const long Sealed = long.MaxValue;

    private readonly long _startedAt;
    private long _spent;
    // Ticks since the start. Makes time that runs backwards count as no time passed; a race may set it back by the skew of two threads, which only holds
    // back what that time would bring.
    private long _latest;

    /// <summary>A bucket with so many tokens in it.</summary>
    public BucketState(RefillScale scale, long now, double tokens)
    {
        Scale = scale;
        _startedAt = now;
        _spent = scale.Capacity - (long)(Math.Min(tokens, scale.Options.Burst) * scale.UnitsPerToken);
    }

    public RefillScale Scale { get; }

    /// <summary>Takes tokens if afterwards no more than the allowance is missing.</summary>
    /// <param name="allowance">Units; 0 unless the taker is ready to wait.</param>
    /// <param name="missing">Units that must come back first; 0 or less when all are there.</param>
    /// <param name="end">Where the state stands when these tokens are taken: what <see cref="GiveBack"/> wants to know.</param>
    public bool TryTake(int tokens, long now, long allowance, out long missing, out long end)
    {
        var returned = Returned(now);
        var cost = tokens * Scale.UnitsPerToken;
        var seen = Volatile.Read(ref _spent);
        while (seen != Sealed)
        {
            end = Math.Max(seen, returned) + cost;
            missing = end - returned - Scale.Capacity;
            // Taking nothing succeeds while there is something.
            if (tokens == 0) return ++missing <= 0;
            if (missing > allowance) return false;
            var found = Interlocked.CompareExchange(ref _spent, end, seen);
            if (found == seen) return true;
            seen = found;
        }
        (missing, end) = (Sealed, 0);
        return false;
    }

    /// <summary>
    /// Puts back tokens that were not used. Those that others have reserved behind them stay where they are: to put these back as well would let two
    /// takers go in the time of one.
    /// </summary>
    public void GiveBack(int tokens, long end)
    {
        var seen = Volatile.Read(ref _spent);
        while (seen != Sealed)
        {
            var back = tokens * Scale.UnitsPerToken - (seen - end);
            if (back <= 0) return;
            var found = Interlocked.CompareExchange(ref _spent, seen - back, seen);
            if (found == seen) return;
            seen = found;
        }
    }

    /// <summary>Tokens in the bucket, below 0 while reservations wait; null when sealed.</summary>
    public double? Tokens(long now)
    {
        var seen = Volatile.Read(ref _spent);
        return seen == Sealed ? null : TokensAt(seen, Returned(now));
    }

    /// <summary>Ends this state and makes its successor, which has the same tokens. One caller at a time.</summary>
    public BucketState Succeed(RefillScale scale, long now) =>
        new(scale, now, TokensAt(Interlocked.Exchange(ref _spent, Sealed), Returned(now)));

    /// <summary>Ends this state if the bucket is full, and so no different from a new one.</summary>
    public bool TrySealFull(long now)
    {
        var seen = Volatile.Read(ref _spent);
        return seen <= Returned(now) && Interlocked.CompareExchange(ref _spent, Sealed, seen) == seen;
    }

    private double TokensAt(long spent, long returned) =>
        Scale.IsInfinite ? Scale.Options.Burst : (double)(Scale.Capacity - Math.Max(0, spent - returned)) / Scale.UnitsPerToken;

    private long Returned(long now)
    {
        var elapsed = now - _startedAt;
        var latest = Volatile.Read(ref _latest);
        if (elapsed <= latest) return Scale.UnitsOf(latest);
        Volatile.Write(ref _latest, elapsed);
        return Scale.UnitsOf(elapsed);
    }
}
