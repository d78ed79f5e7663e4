namespace FeedMall.Tests.Resilience;

/// <summary>Stands still, and lets other threads in wherever the time is read.</summary>
internal sealed class YieldingClock : TimeProvider
{
    public override long GetTimestamp()
    {
        Thread.Yield();
        return 0;
    }
}
