namespace FeedMall.Testing;

/// <summary>
/// A clock that stands still until a test moves it. Timestamps tick at an odd frequency, so that code that mixes up ticks and
/// time units fails its tests. Timers fire inside <see cref="Advance"/>, in the order they are due.
/// </summary>
public sealed class TestClock : TimeProvider
{
    // Guards _now, _timers and _awaited.
    private readonly Lock _gate = new();
    private readonly List<TestTimer> _timers = [];
    private readonly List<(DateTimeOffset DueAt, TaskCompletionSource Set)> _awaited = [];
    private readonly DateTimeOffset _start;
    private DateTimeOffset _now;

    /// <summary>A clock at this instant.</summary>
    public TestClock(DateTimeOffset start) => _now = _start = start;

    /// <summary>A clock at 2026-01-01T00:00:00Z.</summary>
    public TestClock() : this(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)) { }

    /// <inheritdoc/>
    public override long TimestampFrequency => 3_333_333;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate) return _now;
    }

    /// <inheritdoc/>
    public override long GetTimestamp() => (long)((Int128)(GetUtcNow() - _start).Ticks * TimestampFrequency / TimeSpan.TicksPerSecond);

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new TestTimer(this, callback, state);
        lock (_gate)
        {
            _timers.Add(timer);
            timer.Change(dueTime, period);
        }
        return timer;
    }

    /// <summary>Completes when the code under test has set a timer that is due in exactly this time from now: only then <see cref="Advance"/> can reach it.</summary>
    public Task WaitForTimerAsync(TimeSpan due)
    {
        lock (_gate)
        {
            if (_timers.Any(timer => timer.DueAt == _now + due)) return Task.CompletedTask;
            var set = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _awaited.Add((_now + due, set));
            return set.Task;
        }
    }

    /// <summary>Moves time forward and fires the timers that become due on the way.</summary>
    public void Advance(TimeSpan by)
    {
        var end = GetUtcNow() + by;
        while (NextDue(end) is { } timer) timer.Fire();
        lock (_gate) _now = end;
    }

    private TestTimer? NextDue(DateTimeOffset end)
    {
        lock (_gate)
        {
            var next = _timers.Where(timer => timer.DueAt <= end).MinBy(timer => timer.DueAt);
            if (next is not null && next.DueAt > _now) _now = next.DueAt!.Value;
            return next;
        }
    }

    private sealed class TestTimer(TestClock clock, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period = Timeout.InfiniteTimeSpan;

        public DateTimeOffset? DueAt { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._gate)
            {
                DueAt = dueTime == Timeout.InfiniteTimeSpan ? null : clock._now + dueTime;
                _period = period;
                clock._awaited.RemoveAll(awaited => awaited.DueAt == DueAt && awaited.Set.TrySetResult());
                return true;
            }
        }

        public void Fire()
        {
            lock (clock._gate)
            {
                if (DueAt is null) return;
                DueAt = _period == Timeout.InfiniteTimeSpan || _period == TimeSpan.Zero ? null : DueAt + _period;
            }
            callback(state);
        }

        public void Dispose()
        {
            lock (clock._gate)
            {
                DueAt = null;
                clock._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
