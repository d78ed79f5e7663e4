using FeedMall.KvStore.Data;

namespace FeedMall.KvStore.Network;

/// <summary>Lets something be said now and then, and counts how often it was not. For any number of threads.</summary>
internal sealed class Seldom(KvClock clock)
{
    /// <summary>Between two times.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    private long _nextMs;
    private long _unsaid;

    /// <summary>Whether it may be said now.</summary>
    /// <param name="unsaid">How often it was not since the last time.</param>
    public bool MaySay(out long unsaid)
    {
        var (now, next) = (clock.ElapsedMs, Volatile.Read(ref _nextMs));
        var may = now >= next && Interlocked.CompareExchange(ref _nextMs, now + (long)Pause.TotalMilliseconds, next) == next;
        unsaid = may ? Interlocked.Exchange(ref _unsaid, 0) : Interlocked.Increment(ref _unsaid);
        return may;
    }
}
