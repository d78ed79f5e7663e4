namespace FeedMall.Testing.Overload;

/// <summary>
/// The time of a simulation: one thread goes from event to event. Timers are events too, and what awaits goes on at the same instant and on the same thread,
/// in the order it became ready; so a run with real asynchronous code repeats exactly.
/// </summary>
public sealed class SimulatedTime : TimeProvider
{
    private const long PerSecond = TimeSpan.TicksPerSecond;

    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private readonly Continuations _ready = new();
    private long _now;
    private long _order;

    /// <inheritdoc/>
    public override long TimestampFrequency => PerSecond;

    /// <summary>Since the start.</summary>
    public double Seconds => (double)_now / PerSecond;

    /// <inheritdoc/>
    public override long GetTimestamp() => _now;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddTicks(_now);

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Does something later.</summary>
    public void After(double milliseconds, Action act) => _events.Enqueue(act, (_now + (long)(milliseconds * PerSecond / 1000), _order++));

    /// <summary>Runs until this time; what is due later is never done.</summary>
    public void RunUntil(double seconds)
    {
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(_ready);
        try
        {
            while (_events.TryPeek(out _, out var when) && when.At <= seconds * PerSecond)
            {
                var act = _events.Dequeue();
                _now = Math.Max(_now, when.At);
                act();
                _ready.Run();
            }
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    private sealed class Continuations : SynchronizationContext
    {
        private readonly Queue<(SendOrPostCallback Act, object? State)> _waiting = new();

        public override void Post(SendOrPostCallback d, object? state) => _waiting.Enqueue((d, state));

        public void Run()
        {
            while (_waiting.TryDequeue(out var next)) next.Act(next.State);
        }
    }

    private sealed class Timer(SimulatedTime time, TimerCallback callback, object? state) : ITimer
    {
        private int _change;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _change++;
            if (dueTime != Timeout.InfiniteTimeSpan) Schedule(_change, dueTime, period);
            return true;
        }

        public void Dispose() => _change++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Schedule(int change, TimeSpan due, TimeSpan period) => time.After(due.TotalMilliseconds, () =>
        {
            if (change != _change) return;
            if (period > TimeSpan.Zero) Schedule(change, period, period);
            callback(state);
        });
    }
}
