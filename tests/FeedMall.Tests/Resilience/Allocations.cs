namespace FeedMall.Tests.Resilience;

/// <summary>What an act allocates.</summary>
internal static class Allocations
{
    /// <summary>Bytes that this thread allocates while the act runs 10 000 times, after a warm-up.</summary>
    public static long Of(Action act)
    {
        for (var i = 0; i < 1000; i++) act();
        // A collection that other threads cause counts the rest of this thread's buffer as allocated. What the act itself allocates is
        // there every time.
        return Enumerable.Range(0, 3).Min(_ => Once(act));
    }

    private static long Once(Action act)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++) act();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
