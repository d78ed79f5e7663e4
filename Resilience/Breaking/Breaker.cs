using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Windows;

namespace FeedMall.Resilience.Breaking;

/// <summary>What a breaker does.</summary>
public enum BreakerState : byte
{
    /// <summary>Lets everything through.</summary>
    Closed,

    /// <summary>Drops a part of the calls, by chance.</summary>
    Throttling,
}

/// <summary>A breaker at one moment. There is no half-open state: the share that is dropped falls as calls succeed again.</summary>
/// <param name="State">Closed while <paramref name="DropProbability"/> is 0.</param>
/// <param name="DropProbability">That the next call is dropped, 0 to 1.</param>
/// <param name="Requests">Calls in the window, the dropped ones included.</param>
/// <param name="Accepts">Calls that the target did.</param>
/// <param name="Failures">Calls that it did not.</param>
/// <param name="Drops">Calls that were not tried.</param>
/// <param name="SinceLastPass">Since a call was last let through while throttling; null when that never happened.</param>
public readonly record struct BreakerSnapshot(
    BreakerState State, double DropProbability, long Requests, long Accepts, long Failures, long Drops, TimeSpan? SinceLastPass);

/// <summary>
/// Drops calls to a target that fails, on the caller's side, so that the target gets air and the caller an answer at once: the more of the calls in the
/// window failed, the more are dropped. One for each target and method: <see cref="KeyedBreakers{TKey}"/>. (ALGORITHMS §2.)
/// </summary>
/// <remarks>
/// A call that is dropped counts in the window by itself; in dry run it does not, because it is really made. Refused with
/// <see cref="Reason.CircuitBreakerOpen"/>: do not try again, the same breaker would drop that too.
/// </remarks>
public abstract class Breaker : Gate
{
    private readonly TimeProvider _clock;
    private readonly IChance _chance;
    private readonly OutcomeWindow _window;
    // Timestamp of the last call that was let through while throttling; long.MinValue before the first.
    private long _lastPass = long.MinValue;
    private long _probeInterval = long.MaxValue;

    private protected Breaker(BreakerOptions options, TimeProvider clock, IChance chance) : base(clock)
    {
        options.Check();
        _clock = clock;
        _chance = chance;
        _window = new OutcomeWindow(options.Buckets, options.Window / options.Buckets, clock);
        Apply(options);
    }

    /// <summary>For governor, console and tests.</summary>
    public BreakerSnapshot Snapshot()
    {
        var now = _clock.GetTimestamp();
        var tally = _window.Read(now);
        var p = DropProbability(tally);
        var lastPass = Volatile.Read(ref _lastPass);
        return new BreakerSnapshot(p > 0 ? BreakerState.Throttling : BreakerState.Closed, p, tally.Requests, tally.Successes, tally.Failures, tally.Drops,
            lastPass == long.MinValue ? null : _clock.GetElapsedTime(lastPass, now));
    }

    /// <summary>How far back it counts.</summary>
    internal TimeSpan Window => _window.Window;

    /// <summary>That the next call is dropped, if no probe is due. 0 or less: closed.</summary>
    internal abstract double DropProbability(in OutcomeTally tally);

    /// <summary>Takes over changed options; what was counted stays. One thread at a time.</summary>
    private protected void Apply(BreakerOptions options)
    {
        _window.Reshape(options.Buckets, options.Window / options.Buckets);
        Volatile.Write(ref _probeInterval,
            options.ProbeAfter == Timeout.InfiniteTimeSpan ? long.MaxValue : (long)(options.ProbeAfter.TotalSeconds * _clock.TimestampFrequency));
    }

    /// <inheritdoc/>
    protected sealed override Reason TryAdmit(long now)
    {
        var p = DropProbability(_window.Read(now));
        return p <= 0 || TryPass(p, now) ? Reason.None : Reason.CircuitBreakerOpen;
    }

    /// <inheritdoc/>
    protected sealed override void AdmitAnyway(long now) { }

    /// <inheritdoc/>
    protected sealed override void OnRefused(long now) => _window.AddDrop(now);

    /// <inheritdoc/>
    protected sealed override void OnCompleted(long admittedAt, long now, Outcome outcome)
    {
        if (outcome == Outcome.Success) _window.AddSuccess(now);
        else if (outcome == Outcome.Failure) _window.AddFailure(now);
    }

    private bool TryPass(double p, long now)
    {
        var lastPass = Volatile.Read(ref _lastPass);
        // A probe goes at once, and of many threads one takes it.
        var isProbeDue = lastPass != long.MinValue && now - lastPass > Volatile.Read(ref _probeInterval);
        if (isProbeDue && Interlocked.CompareExchange(ref _lastPass, now, lastPass) == lastPass) return true;
        if (_chance.NextDouble() < p) return false;
        Volatile.Write(ref _lastPass, now);
        return true;
    }
}

/// <summary>A breaker with its options.</summary>
public abstract class Breaker<TOptions> : Breaker where TOptions : BreakerOptions
{
    // Guards the change of the options, so that they and the shape of the window stay together.
    private readonly Lock _changing = new();
    // Replaced as a whole, so that a decision sees settings that belong together.
    private volatile TOptions _options;

    private protected Breaker(TOptions options, TimeProvider clock, IChance chance) : base(options, clock, chance) => _options = options;

    /// <summary>May be changed at any time; checked, and what was counted stays.</summary>
    public TOptions Options
    {
        get => _options;
        set
        {
            value.Check();
            lock (_changing)
            {
                _options = value;
                Apply(value);
            }
        }
    }
}
