namespace FeedMall.KvStore.Data;

/// <summary>
/// Unix time in milliseconds that follows the monotonic clock. A step of the wall clock would expire everything at once or nothing for hours; it is
/// followed by <see cref="MaxCorrectionMs"/> a second instead.
/// </summary>
internal sealed class KvClock(TimeProvider clock)
{
    private const long MaxCorrectionMs = 5;

    private readonly long _start = clock.GetTimestamp();
    private long _offsetMs = clock.GetUtcNow().ToUnixTimeMilliseconds();
    private long _correctedAtMs;

    /// <summary>Now.</summary>
    public long NowMs => Volatile.Read(ref _offsetMs) + ElapsedMs;

    /// <summary>The time that a timestamp means.</summary>
    public long NowMsAt(long timestamp) => Volatile.Read(ref _offsetMs) + ElapsedMsAt(timestamp);

    /// <summary>How long the process had run at a timestamp.</summary>
    public long ElapsedMsAt(long timestamp) => (long)clock.GetElapsedTime(_start, timestamp).TotalMilliseconds;

    /// <summary>For durations.</summary>
    public long Timestamp => clock.GetTimestamp();

    /// <summary>What lies between two timestamps.</summary>
    public double Microseconds(long from, long to) => clock.GetElapsedTime(from, to).TotalMicroseconds;

    /// <summary>How long this process has run.</summary>
    public long ElapsedMs => (long)clock.GetElapsedTime(_start).TotalMilliseconds;

    /// <summary>The wall clock, for TIME.</summary>
    public DateTimeOffset WallClock => clock.GetUtcNow();

    /// <summary>Moves a little towards the wall clock; at most once a second does anything.</summary>
    public void Correct()
    {
        if (ElapsedMs - _correctedAtMs < 1000) return;
        _correctedAtMs = ElapsedMs;
        var drift = clock.GetUtcNow().ToUnixTimeMilliseconds() - NowMs;
        Volatile.Write(ref _offsetMs, _offsetMs + Math.Clamp(drift, -MaxCorrectionMs, MaxCorrectionMs));
    }
}
