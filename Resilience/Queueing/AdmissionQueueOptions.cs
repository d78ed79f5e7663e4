namespace FeedMall.Resilience.Queueing;

/// <summary>Settings of <see cref="AdmissionQueue"/>.</summary>
public sealed record AdmissionQueueOptions
{
    /// <summary>Of the queue of each tier; its Capacity holds for all tiers together.</summary>
    public ControlledDelayOptions Queue { get; init; } = new();

    /// <summary>How often the waterline is drawn anew. 100 ms to 1 min; default 1 s.</summary>
    public TimeSpan WaterlineInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>So many times what was admitted in the last interval is let through to the queue in the next one. 1.01 to 10; default 1.1.</summary>
    public double WaterlineMargin { get; init; } = 1.1;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        Queue.Check();
        ArgumentOutOfRangeException.ThrowIfLessThan(WaterlineInterval, TimeSpan.FromMilliseconds(100));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(WaterlineInterval, TimeSpan.FromMinutes(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(WaterlineMargin, 1.01);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(WaterlineMargin, 10);
    }
}
