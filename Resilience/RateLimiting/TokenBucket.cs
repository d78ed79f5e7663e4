namespace FeedMall.Resilience.RateLimiting;

/// <summary>
/// Lets at most rate × t + burst through in any time t: bursts pass at once, the long run keeps the rate. Refilled when it is asked, exactly and without a
/// timer. Starts full. (ALGORITHMS §5.1, §5.2.)
/// </summary>
/// <remarks>
/// Thread safe; a decision is one compare-and-swap, waits for nothing and allocates nothing. Where no time passes, nothing comes back, also when the clock runs
/// backwards.
/// </remarks>
public sealed class TokenBucket
{
    // Guards the change of _state; takers read it without.
    private readonly Lock _changing = new();
    private readonly TimeProvider _clock;
    private BucketState _state;
    private volatile bool _dryRun;
    private long _admitted;
    private long _refused;
    private long _wouldHaveRefused;

    /// <summary>A full bucket. Checks the options.</summary>
    public TokenBucket(TokenBucketOptions options, TimeProvider clock) : this(options, options.Burst, clock) { }

    internal TokenBucket(TokenBucketOptions options, double tokens, TimeProvider clock)
    {
        _clock = clock;
        _state = new BucketState(new RefillScale(options, clock), clock.GetTimestamp(), tokens);
    }

    /// <summary>Setting them keeps the tokens that are there, up to the new burst. A bucket that grows fills up at the new rate.</summary>
    public TokenBucketOptions Options
    {
        get => Volatile.Read(ref _state).Scale.Options;
        set
        {
            var scale = new RefillScale(value, _clock);
            lock (_changing) Volatile.Write(ref _state, _state.Succeed(scale, _clock.GetTimestamp()));
        }
    }

    /// <summary>True: decide and count as always, but let everything pass. May be changed at any time.</summary>
    public bool DryRun
    {
        get => _dryRun;
        set => _dryRun = value;
    }

    /// <summary>Takes tokens if they are there.</summary>
    /// <param name="tokens">0 asks whether there is anything and takes nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException">More than the burst, which no waiting will bring, or less than 0.</exception>
    public RateDecision TryTake(int tokens = 1) => TryTake(tokens, _clock.GetTimestamp());

    /// <summary>The same for a caller who has read the clock already.</summary>
    public RateDecision TryTake(int tokens, long now) => Decide(TryTake(tokens, now, TimeSpan.Zero, out var state, out var missing, out _), state, missing);

    /// <summary>Takes tokens that are there or will be there within this time, in the order of the calls.</summary>
    /// <param name="maxWait">Not more than the caller's remaining time: who would have to wait longer is refused at once.</param>
    /// <param name="reservation">Says how long to wait; null when it was refused.</param>
    public RateDecision TryReserve(int tokens, TimeSpan maxWait, out Reservation? reservation)
    {
        var now = _clock.GetTimestamp();
        var taken = TryTake(tokens, now, maxWait, out var state, out var missing, out var end);
        // In a dry run nobody waits.
        var wait = taken && !_dryRun ? state.Scale.TimeOf(missing) : TimeSpan.Zero;
        var decision = Decide(taken, state, taken ? 0 : missing);
        reservation = decision.IsAdmitted ? new Reservation(taken ? state : null, tokens, end, wait) : null;
        return decision;
    }

    /// <summary>Waits until the tokens are there. Who would wait longer than this time is refused at once; who is cancelled gives the tokens back.</summary>
    public async ValueTask<RateDecision> TakeAsync(int tokens, TimeSpan maxWait, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var decision = TryReserve(tokens, maxWait, out var reservation);
        if (reservation is { Wait.Ticks: > 0 }) await reservation.WaitAsync(_clock, cancellation);
        return decision;
    }

    /// <summary>For governor, console and tests.</summary>
    public RateSnapshot Snapshot()
    {
        var now = _clock.GetTimestamp();
        double? tokens;
        while ((tokens = Volatile.Read(ref _state).Tokens(now)) is null) Thread.SpinWait(1);
        return new(tokens.Value, Interlocked.Read(ref _admitted), Interlocked.Read(ref _refused), Interlocked.Read(ref _wouldHaveRefused));
    }

    private bool TryTake(int tokens, long now, TimeSpan maxWait, out BucketState state, out long missing, out long end)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        while (true)
        {
            state = Volatile.Read(ref _state);
            var scale = state.Scale;
            (missing, end) = (0, 0);
            if (scale.IsInfinite) return true;
            ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, scale.Options.Burst);
            if (state.TryTake(tokens, now, maxWait.Ticks > 0 ? scale.UnitsOf(maxWait) : 0, out missing, out end)) return true;
            if (missing != BucketState.Sealed) return false;
            // The options are being changed by another thread, between two of its instructions.
            Thread.SpinWait(1);
        }
    }

    private RateDecision Decide(bool taken, BucketState state, long missing)
    {
        if (taken)
        {
            Interlocked.Increment(ref _admitted);
            return RateDecision.Admitted;
        }
        var dryRun = _dryRun;
        Interlocked.Increment(ref dryRun ? ref _wouldHaveRefused : ref _refused);
        if (dryRun) Interlocked.Increment(ref _admitted);
        return new RateDecision(dryRun, Reason.RateLimited, state.Scale.TimeOf(missing));
    }
}
