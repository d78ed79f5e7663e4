namespace FeedMall.Resilience.Load;

/// <summary>Settings of the load signals.</summary>
public sealed record LoadOptions
{
    /// <summary>Between two measurements. 10 ms to 1 min; default 250 ms.</summary>
    public TimeSpan Tick { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>What of the average of the processor's load is kept at each tick. 0 to 0.999; default 0.9: a jump from 0 to 1000 is at 800 after 4 s.</summary>
    public double CpuDecay { get; init; } = 0.9;

    /// <summary>Waiting time in the thread pool that counts as 1000. 1 ms to 1 min; default 50 ms.</summary>
    public TimeSpan QueueDelayTarget { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>What of the average of that waiting time is kept at each tick. 0 to 0.999; default 0.5: a single long wait is not yet an overload.</summary>
    public double QueueDelayDecay { get; init; } = 0.5;

    /// <summary>Share of the time in pauses of the garbage collector that counts as 1000. 0.01 to 1; default 0.3.</summary>
    public double PauseTarget { get; init; } = 0.3;

    /// <summary>What of the average of that share is kept at each tick. 0 to 0.999; default 0.9.</summary>
    public double PauseDecay { get; init; } = 0.9;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        Within(Tick, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(1), nameof(Tick));
        Within(CpuDecay, 0, 0.999, nameof(CpuDecay));
        Within(QueueDelayTarget, TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(1), nameof(QueueDelayTarget));
        Within(QueueDelayDecay, 0, 0.999, nameof(QueueDelayDecay));
        Within(PauseTarget, 0.01, 1, nameof(PauseTarget));
        Within(PauseDecay, 0, 0.999, nameof(PauseDecay));
    }

    private static void Within<T>(T value, T least, T most, string name) where T : IComparable<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most, name);
    }
}
