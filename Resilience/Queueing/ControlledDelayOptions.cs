namespace FeedMall.Resilience.Queueing;

/// <summary>Settings of <see cref="ControlledDelayQueue{T}"/>.</summary>
public sealed record ControlledDelayOptions
{
    /// <summary>M: what an item may wait while the queue is overloaded. 1 ms to 1 min; default 20 ms. Pure in-memory services take 5 ms.</summary>
    public TimeSpan Target { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// N: what an item may wait otherwise, and after how long without having been empty the queue counts as overloaded. Target to 1 min; default 500 ms.
    /// With a target of 5 ms take 100 ms.
    /// </summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>C: the most that wait. 1 to 1 000 000; default 2048.</summary>
    public int Capacity { get; init; } = 2048;

    /// <summary>An item with no more time left than this is not started. 0 to 1 min; default 5 ms.</summary>
    public TimeSpan DeadlineFloor { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        Within(Target, TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(1), nameof(Target));
        Within(Interval, Target, TimeSpan.FromMinutes(1), nameof(Interval));
        Within(Capacity, 1, 1_000_000, nameof(Capacity));
        Within(DeadlineFloor, TimeSpan.Zero, TimeSpan.FromMinutes(1), nameof(DeadlineFloor));
    }

    private static void Within<T>(T value, T least, T most, string name) where T : IComparable<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most, name);
    }
}
