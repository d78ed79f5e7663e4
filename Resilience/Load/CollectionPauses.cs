namespace FeedMall.Resilience.Load;

/// <summary>Which share of the time all threads stand still for the garbage collector. (ALGORITHMS §3.7.)</summary>
public sealed class CollectionPauses : SampledLoad
{
    private readonly double _target;
    private readonly Func<TimeSpan> _total;
    private long _measuredAt;
    private TimeSpan _paused;

    /// <summary>Checks the options.</summary>
    public CollectionPauses(LoadOptions options, TimeProvider clock) : this(options, GC.GetTotalPauseDuration, clock) { }

    internal CollectionPauses(LoadOptions options, Func<TimeSpan> total, TimeProvider clock) : base(options.Tick, options.PauseDecay, clock)
    {
        options.Check();
        _target = options.PauseTarget;
        _total = total;
        _measuredAt = clock.GetTimestamp();
        _paused = total();
        Start();
    }

    private protected override double? Measure(long now)
    {
        var paused = _total();
        var elapsed = Clock.GetElapsedTime(_measuredAt, now);
        var spent = paused - _paused;
        (_measuredAt, _paused) = (now, paused);
        return elapsed <= TimeSpan.Zero ? null : 1000 * (spent / elapsed) / _target;
    }
}
