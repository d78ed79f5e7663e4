namespace FeedMall.Rpc;

/// <summary>What has a deadline.</summary>
internal interface IDeadlined
{
    /// <summary>Time until the deadline; negative when it has passed.</summary>
    TimeSpan Remaining { get; }

    /// <summary>The time is up. May come when it has ended already.</summary>
    void OnDeadline();
}

/// <summary>
/// A timer for call after call. Nearly every call ends long before its deadline, so the timer is not set back with each of them, which would cost more than all
/// else that a deadline needs: when it fires, it looks how much time the present call has left, and sleeps on.
/// </summary>
internal sealed class DeadlineTimer : IDisposable
{
    // Timers know whole milliseconds, and cut off what is less.
    private static readonly TimeSpan s_resolution = TimeSpan.FromMilliseconds(1);

    private readonly TimeProvider _clock;
    private readonly ITimer _timer;
    // Guards _firesAt, and that it is what the timer was set to for _call.
    private readonly Lock _gate = new();
    private long _firesAt = long.MaxValue;
    private volatile IDeadlined? _call;

    public DeadlineTimer(TimeProvider clock)
    {
        _clock = clock;
        // It outlives the call that it is made for, so it inherits nothing from it.
        using (ExecutionContext.SuppressFlow())
            _timer = clock.CreateTimer(static timer => ((DeadlineTimer)timer!).Fire(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>From now on it is this call's.</summary>
    /// <param name="startedAt">The timestamp at which it had this much time.</param>
    public void Start(IDeadlined call, TimeSpan timeout, long startedAt)
    {
        var dueAt = startedAt + (long)(timeout.TotalSeconds * _clock.TimestampFrequency);
        lock (_gate)
        {
            _call = call;
            if (_firesAt > dueAt) Set(timeout, dueAt);
        }
    }

    /// <summary>The call has ended. Its <see cref="IDeadlined.OnDeadline"/> may be under way.</summary>
    public void Stop() => _call = null;

    /// <summary>No call follows: a timer that is set may be so for a month.</summary>
    public void Dispose()
    {
        Stop();
        _timer.Dispose();
    }

    private void Fire()
    {
        IDeadlined? call;
        lock (_gate)
        {
            _firesAt = long.MaxValue;
            call = _call;
            if (call?.Remaining is { } left && left >= s_resolution)
            {
                Set(left, _clock.GetTimestamp() + (long)(left.TotalSeconds * _clock.TimestampFrequency));
                return;
            }
        }
        call?.OnDeadline();
    }

    private void Set(TimeSpan timeout, long dueAt)
    {
        _firesAt = dueAt;
        _timer.Change(timeout, Timeout.InfiniteTimeSpan);
    }
}
