using FeedMall.Resilience.Gates;

namespace FeedMall.Resilience.Queueing;

/// <summary>
/// A waiting room in front of a limiter or bulkhead. Who finds a free place enters at once; the others wait a short while, those of the higher tier first, and then
/// are refused. While there is more than can be done, requests of low tiers, and within a tier always those of the same users, are refused at the door.
/// (ALGORITHMS §4.4; the waterline is DAGOR's idea.)
/// </summary>
/// <remarks>
/// Each tier has a <see cref="ControlledDelayQueue{T}"/>; a place that becomes free goes to the highest tier in which somebody waits, so no tier can starve the one
/// above. Thread safe; entering at once and being refused at the door allocate nothing and take no lock.
/// </remarks>
public sealed class AdmissionQueue : IDisposable
{
    private static readonly int s_tiers = Enum.GetValues<Criticality>().Length;
    private static readonly int s_reasons = Enum.GetValues<Reason>().Length;

    private sealed class Caller(Criticality tier) : TaskCompletionSource<Permit>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public Criticality Tier => tier;

        public LinkedListNode<Waiting<Caller>>? Node { get; set; }
    }

    private readonly ConcurrencyGate _limiter;
    private readonly TimeProvider _clock;
    private readonly ITimer _timer;
    private readonly Action<long> _placeFreed;
    private readonly Waterline _waterline = new();
    // By tier and reason; Reason.None counts the admitted.
    private readonly long[] _counts = new long[s_tiers * s_reasons];
    private readonly long[] _cancelled = new long[s_tiers];
    // Guards everything below it.
    private readonly Lock _gate = new();
    private readonly ControlledDelayQueue<Caller>[] _queues;
    private AdmissionQueueOptions _options;
    private long _lineDrawnAt;
    private long _admittedBefore;
    // By the queues, since the line was drawn: the sign that more comes than can be done.
    private long _refusedInQueue;
    private bool _isDisposed;
    // Also read without the lock. It is raised before the limiter is asked for the last time, and read after a place was freed: one of the two sees the other.
    private int _waiting;

    /// <summary>Checks the options.</summary>
    /// <param name="limiter">
    /// One without a queue as yet. Its dry run is also that of the queue: then nobody waits, and who would be refused at the door counts as refused and as admitted.
    /// </param>
    public AdmissionQueue(ConcurrencyGate limiter, AdmissionQueueOptions options, TimeProvider clock)
    {
        options.Check();
        _limiter = limiter;
        _options = options;
        _clock = clock;
        _queues = [.. Enumerable.Range(0, s_tiers).Select(_ => new ControlledDelayQueue<Caller>(options.Queue, Refuse, clock))];
        _lineDrawnAt = clock.GetTimestamp();
        limiter.TellOfFreePlaces(_placeFreed = OnPlaceFreed);
        _timer = clock.CreateTimer(static queue => ((AdmissionQueue)queue!).Tick(), this, TickOf(options), TickOf(options));
    }

    /// <summary>May be set at any time; who waits goes on waiting by the new rules.</summary>
    public AdmissionQueueOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            lock (_gate)
            {
                Volatile.Write(ref _options, value);
                foreach (var queue in _queues) queue.Options = value.Queue;
                if (!_isDisposed) _timer.Change(TickOf(value), TickOf(value));
            }
        }
    }

    /// <summary>That of the limiter. When it begins, who waits is let in.</summary>
    public bool DryRun
    {
        get => _limiter.DryRun;
        set
        {
            _limiter.DryRun = value;
            lock (_gate) Pump(_clock.GetTimestamp());
        }
    }

    /// <summary>How many wait.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Asks for a permit of the limiter, and waits for it if need be. Give it back exactly once: <c>using</c> does it at the latest.</summary>
    /// <param name="cohort">Of the user, see <see cref="UserCohort"/>.</param>
    /// <param name="timeLeft">How long an answer will be of use; <see cref="Timeout.InfiniteTimeSpan"/>: always.</param>
    /// <param name="cancel">Ends the waiting.</param>
    /// <returns>A permit, or a refusal: OVERLOADED, QUEUE_TIMEOUT, DEADLINE_EXCEEDED or DEADLINE_INSUFFICIENT.</returns>
    /// <exception cref="OperationCanceledException">Cancelled while it waited.</exception>
    public ValueTask<Permit> EnterAsync(Criticality criticality, int cohort, TimeSpan timeLeft, CancellationToken cancel = default)
    {
        if (criticality > Criticality.Sheddable) throw new ArgumentOutOfRangeException(nameof(criticality), criticality, "not a tier");
        ArgumentOutOfRangeException.ThrowIfNegative(cohort);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(cohort, UserCohort.Count);
        if (cancel.IsCancellationRequested) return ValueTask.FromCanceled<Permit>(cancel);
        var now = _clock.GetTimestamp();
        var reason = AtTheDoor(criticality, cohort, timeLeft, now);
        if (reason != Reason.None)
        {
            Count(criticality, reason);
            if (!_limiter.DryRun) return new ValueTask<Permit>(Permit.Refused(reason));
        }
        // In a dry run nobody waits, not even behind those who waited before it began.
        if (Volatile.Read(ref _waiting) == 0 || _limiter.DryRun)
        {
            var permit = _limiter.TryEnterUncounted(now);
            if (permit.IsAdmitted)
            {
                Count(criticality, Reason.None);
                return new ValueTask<Permit>(permit);
            }
        }
        return WaitAsync(criticality, timeLeft, cancel, now);
    }

    /// <summary>
    /// For who has something costly to do before it asks for a permit: whom <see cref="EnterAsync"/> would refuse at the door, is refused now. Who is not, counts
    /// only when it enters.
    /// </summary>
    /// <returns>Why it is refused; None: go on, and ask for a permit.</returns>
    public Reason Knock(Criticality criticality, int cohort, TimeSpan timeLeft)
    {
        // In a dry run everybody enters, and is counted there.
        if (_limiter.DryRun) return Reason.None;
        var level = Waterline.LevelOf(criticality, cohort);
        var reason = InTime(timeLeft, _clock.GetTimestamp());
        if (reason == Reason.None && (level <= _waterline.Line || _waterline.Admits(level))) return Reason.None;
        if (reason == Reason.None) reason = Reason.Overloaded;
        Count(criticality, reason);
        return reason;
    }

    /// <summary>For governor, console and tests.</summary>
    public AdmissionSnapshot Snapshot()
    {
        lock (_gate)
        {
            var now = _clock.GetTimestamp();
            var line = _waterline.Line;
            return new AdmissionSnapshot([.. _queues.Select((queue, tier) => Snapshot((Criticality)tier, queue, now))], Waiting,
                (Criticality)(line / UserCohort.Count), line % UserCohort.Count);
        }
    }

    /// <summary>Refuses all who wait, and from now on everybody who would have to. Another queue may then stand in front of the limiter.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _timer.Dispose();
            _limiter.StopTelling(_placeFreed);
            foreach (var queue in _queues)
            {
                while (queue.Count > 0) queue.RefuseOldest(Reason.Overloaded);
            }
        }
    }

    private Reason AtTheDoor(Criticality criticality, int cohort, TimeSpan timeLeft, long now)
    {
        var reason = InTime(timeLeft, now);
        return reason != Reason.None || _waterline.Admits(Waterline.LevelOf(criticality, cohort)) ? reason : Reason.Overloaded;
    }

    private Reason InTime(TimeSpan timeLeft, long now)
    {
        if (timeLeft == Timeout.InfiniteTimeSpan) return Reason.None;
        if (timeLeft <= TimeSpan.Zero) return Reason.DeadlineExceeded;
        return timeLeft <= Options.Queue.DeadlineFloor || timeLeft <= _limiter.LeastTime(now) ? Reason.DeadlineInsufficient : Reason.None;
    }

    private ValueTask<Permit> WaitAsync(Criticality criticality, TimeSpan timeLeft, CancellationToken cancel, long now)
    {
        var caller = new Caller(criticality);
        lock (_gate)
        {
            if (_isDisposed || !MakeRoom(criticality, now))
            {
                var reason = _isDisposed ? Reason.Overloaded : Reason.QueueTimeout;
                _refusedInQueue++;
                Count(criticality, reason);
                return new ValueTask<Permit>(Permit.Refused(reason));
            }
            Interlocked.Increment(ref _waiting);
            caller.Node = _queues[(int)criticality].TryEnqueue(caller, DeadlineOf(timeLeft, now), now)
                ?? throw new InvalidOperationException("a tier holds more than all of them together");
            Pump(now);
        }
        return cancel.CanBeCanceled && !caller.Task.IsCompleted ? WaitAsync(caller, cancel) : new ValueTask<Permit>(caller.Task);
    }

    private async ValueTask<Permit> WaitAsync(Caller caller, CancellationToken cancel)
    {
        using (cancel.UnsafeRegister((caller, token) => GiveUp((Caller)caller!, token), caller)) return await caller.Task.ConfigureAwait(false);
    }

    // Who was admitted in the same moment has the permit, and has to give it back.
    private void GiveUp(Caller caller, CancellationToken cancel)
    {
        lock (_gate)
        {
            if (!_queues[(int)caller.Tier].Remove(caller.Node!, _clock.GetTimestamp())) return;
            Interlocked.Decrement(ref _waiting);
            Interlocked.Increment(ref _cancelled[(int)caller.Tier]);
            caller.TrySetCanceled(cancel);
        }
    }

    // When all places of the waiting room are taken, somebody of a lower tier has to leave; more than one when the capacity was lowered meanwhile.
    private bool MakeRoom(Criticality criticality, long now)
    {
        for (var tier = s_tiers - 1; tier > (int)criticality; tier--)
        {
            while (_waiting >= _options.Queue.Capacity && _queues[tier].Count > 0) _queues[tier].RefuseOldest(Reason.QueueTimeout);
        }
        if (_waiting < _options.Queue.Capacity) return true;
        if (!_queues[(int)criticality].IsOverloaded(now)) return false;
        _queues[(int)criticality].RefuseOldest(Reason.QueueTimeout);
        return true;
    }

    private void OnPlaceFreed(long now)
    {
        if (Volatile.Read(ref _waiting) == 0) return;
        lock (_gate) Pump(now);
    }

    // Under the lock: gives the free places to those who wait.
    private void Pump(long now)
    {
        while (_waiting > 0)
        {
            var permit = _limiter.TryEnterUncounted(now);
            if (!permit.IsAdmitted) return;
            if (Next(now) is not { } caller)
            {
                // All who waited had waited too long. Comes back here through OnPlaceFreed, and finds nobody.
                permit.Dispose();
                return;
            }
            Interlocked.Decrement(ref _waiting);
            Count(caller.Tier, Reason.None);
            caller.TrySetResult(permit);
        }
    }

    private Caller? Next(long now)
    {
        var leastTime = ToTimestamp(_limiter.LeastTime(now));
        foreach (var queue in _queues)
        {
            if (queue.TryDequeue(now, leastTime, out var caller)) return caller;
        }
        return null;
    }

    private void Refuse(Caller caller, Reason reason)
    {
        Interlocked.Decrement(ref _waiting);
        _refusedInQueue++;
        Count(caller.Tier, reason);
        caller.TrySetResult(Permit.Refused(reason));
    }

    private void Tick()
    {
        lock (_gate)
        {
            var now = _clock.GetTimestamp();
            foreach (var queue in _queues) queue.Sweep(now);
            if (_clock.GetElapsedTime(_lineDrawnAt, now) >= _options.WaterlineInterval) DrawLine(now);
            Pump(now);
        }
    }

    private void DrawLine(long now)
    {
        var admitted = Sum(Reason.None);
        _waterline.Draw(admitted - _admittedBefore, _refusedInQueue, _options.WaterlineMargin);
        (_lineDrawnAt, _admittedBefore, _refusedInQueue) = (now, admitted, 0);
    }

    private void Count(Criticality criticality, Reason reason) => Interlocked.Increment(ref _counts[(int)criticality * s_reasons + (int)reason]);

    private long Counted(Criticality criticality, Reason reason) => Interlocked.Read(ref _counts[(int)criticality * s_reasons + (int)reason]);

    private long Sum(Reason reason)
    {
        long sum = 0;
        for (var tier = 0; tier < s_tiers; tier++) sum += Counted((Criticality)tier, reason);
        return sum;
    }

    private TierSnapshot Snapshot(Criticality tier, ControlledDelayQueue<Caller> queue, long now) => new(tier, Counted(tier, Reason.None),
        Counted(tier, Reason.Overloaded), Counted(tier, Reason.QueueTimeout), Counted(tier, Reason.DeadlineExceeded), Counted(tier, Reason.DeadlineInsufficient),
        Interlocked.Read(ref _cancelled[(int)tier]), queue.Count, queue.IsOverloaded(now));

    private long DeadlineOf(TimeSpan timeLeft, long now) =>
        timeLeft == Timeout.InfiniteTimeSpan || timeLeft > TimeSpan.FromDays(365) ? long.MaxValue : now + ToTimestamp(timeLeft);

    private long ToTimestamp(TimeSpan time) => (long)(time.TotalSeconds * _clock.TimestampFrequency);

    private static TimeSpan TickOf(AdmissionQueueOptions options) =>
        TimeSpan.FromTicks(Math.Max(TimeSpan.TicksPerMillisecond, Math.Min(options.Queue.Interval.Ticks / 2, options.WaterlineInterval.Ticks)));
}
