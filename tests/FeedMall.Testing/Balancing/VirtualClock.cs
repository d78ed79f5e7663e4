namespace FeedMall.Testing.Balancing;

/// <summary>The time of a simulation: moved from event to event by one thread. Has no timers.</summary>
public sealed class VirtualClock : TimeProvider
{
    /// <summary>Timestamps are units of 100 ns.</summary>
    public const long PerSecond = 10_000_000;

    private long _now;

    /// <inheritdoc/>
    public override long TimestampFrequency => PerSecond;

    /// <summary>Since the start.</summary>
    public double Seconds => (double)_now / PerSecond;

    /// <inheritdoc/>
    public override long GetTimestamp() => _now;

    /// <summary>Goes to this time, which is not before the present one.</summary>
    public void GoTo(long timestamp) => _now = Math.Max(_now, timestamp);
}
