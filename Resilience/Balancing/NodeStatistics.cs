namespace FeedMall.Resilience.Balancing;

/// <summary>
/// What is known about a node; outlives the node object when an update brings another one with the same key. Times are timestamps of the clock,
/// durations are seconds. Readers take no lock: a score computed from averages of two neighbouring moments is as good as either.
/// </summary>
internal sealed class NodeStatistics
{
    private const long Never = long.MinValue;

    // Guards the change of the averages, and holds for that arithmetic only.
    private readonly Lock _gate = new();
    private int _inFlight;
    private long _picks;
    private long _failures;
    private long _lastPick = Never;
    private long _firstPick = Never;
    private long _silentSince = Never;
    private long _updatedAt = Never;
    private double _lag;
    private double _success = 1;
    private int _cpuPermille;
    private long _cpuAt = Never;
    private bool _startsWarm;

    /// <summary>The c of smooth weighted round robin; guarded by that balancer's lock.</summary>
    public double CurrentWeight { get; set; }

    public int InFlight => Volatile.Read(ref _inFlight);

    public long Picks => Interlocked.Read(ref _picks);

    public long Failures => Interlocked.Read(ref _failures);

    public bool HasLag => Volatile.Read(ref _updatedAt) != Never;

    /// <summary>Average duration in seconds; 0 before the first completion.</summary>
    public double Lag => Volatile.Read(ref _lag);

    /// <summary>Average share of successes, 0 to 1; 1 before the first completion.</summary>
    public double Success => Volatile.Read(ref _success);

    /// <summary>When it was picked last, or joined.</summary>
    public long LastPick => Volatile.Read(ref _lastPick);

    /// <summary>It joined a running set and was never picked since.</summary>
    public bool IsUnproven => !_startsWarm && Volatile.Read(ref _firstPick) == Never;

    /// <summary>Joins a set: starts from nothing, but calls from an earlier membership are still counted as in flight.</summary>
    /// <param name="warm">It joins together with all others, so nothing would be gained by a slow start.</param>
    public void Join(bool warm, long now)
    {
        lock (_gate)
        {
            _startsWarm = warm;
            _lastPick = _silentSince = now;
            _firstPick = _updatedAt = _cpuAt = Never;
            _lag = 0;
            _success = 1;
            CurrentWeight = 0;
        }
    }

    public void OnPick(long now)
    {
        if (Interlocked.Increment(ref _inFlight) == 1) Volatile.Write(ref _silentSince, now);
        Interlocked.Increment(ref _picks);
        Volatile.Write(ref _lastPick, now);
        if (Volatile.Read(ref _firstPick) == Never) Interlocked.CompareExchange(ref _firstPick, now, Never);
    }

    /// <summary>True for exactly one of the threads that saw the same last pick.</summary>
    public bool TryForcePick(long seen, long now) => Interlocked.CompareExchange(ref _lastPick, now, seen) == seen;

    public void OnComplete(Outcome result, long now)
    {
        Volatile.Write(ref _silentSince, now);
        if (result == Outcome.Failure) Interlocked.Increment(ref _failures);
        Interlocked.Decrement(ref _inFlight);
    }

    /// <summary>Takes a sample into the averages. The first one replaces what was there.</summary>
    /// <param name="seconds">How long the call took.</param>
    /// <param name="succeeded">A failure never lowers the lag, or failing fast would look attractive.</param>
    /// <param name="neutralLag">The lag that the node counted as having before its first sample.</param>
    public void Observe(double seconds, bool succeeded, double neutralLag, long now, Averaging averaging)
    {
        lock (_gate)
        {
            var first = _updatedAt == Never;
            var kept = first ? 0 : Averaging.Decay(averaging.SecondsBetween(_updatedAt, now) / averaging.Tau);
            if (!succeeded) seconds = Math.Max(seconds, first ? neutralLag : _lag);
            Volatile.Write(ref _lag, _lag * kept + seconds * (1 - kept));
            Volatile.Write(ref _success, _success * kept + (succeeded ? 1 - kept : 0));
            // Another thread may have brought a later time; going back would let the same time count twice.
            Volatile.Write(ref _updatedAt, Math.Max(_updatedAt, now));
        }
    }

    public void ReportCpu(int permille, long now)
    {
        Volatile.Write(ref _cpuPermille, Math.Clamp(permille, 0, 1000));
        Volatile.Write(ref _cpuAt, now);
    }

    public int? Cpu(double maxAgeSeconds, long now, Averaging averaging)
    {
        var at = Volatile.Read(ref _cpuAt);
        return at == Never || averaging.SecondsBetween(at, now) > maxAgeSeconds ? null : Volatile.Read(ref _cpuPermille);
    }

    /// <summary>Seconds since the averages were changed; 0 before the first completion.</summary>
    public double IdleSeconds(long now, Averaging averaging)
    {
        var at = Volatile.Read(ref _updatedAt);
        return at == Never ? 0 : averaging.SecondsBetween(at, now);
    }

    /// <summary>
    /// How long calls have been under way without any of them coming back, in seconds: the oldest call takes at least this long.
    /// Costs one timestamp for each node instead of one for each call.
    /// </summary>
    public double SilentSeconds(long now, Averaging averaging) =>
        InFlight == 0 ? 0 : averaging.SecondsBetween(Volatile.Read(ref _silentSince), now);

    /// <summary>How much of its weight counts, <paramref name="floor"/> to 1, growing in a straight line from the first pick on.</summary>
    public double Warmth(double floor, double slowStartSeconds, long now, Averaging averaging)
    {
        if (_startsWarm || slowStartSeconds <= 0) return 1;
        var first = Volatile.Read(ref _firstPick);
        if (first == Never) return floor;
        return Math.Min(1, floor + (1 - floor) * averaging.SecondsBetween(first, now) / slowStartSeconds);
    }
}
