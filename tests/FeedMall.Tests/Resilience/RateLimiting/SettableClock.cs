namespace FeedMall.Tests.Resilience.RateLimiting;

/// <summary>A clock that a test sets, also back, and that costs nothing to read.</summary>
internal sealed class SettableClock(long frequency = 10_000_000) : TimeProvider
{
    private long _now;

    public override long TimestampFrequency => frequency;

    public decimal Seconds
    {
        get => (decimal)Volatile.Read(ref _now) / frequency;
        set => Volatile.Write(ref _now, (long)Math.Round(value * frequency));
    }

    public override long GetTimestamp() => Volatile.Read(ref _now);
}
