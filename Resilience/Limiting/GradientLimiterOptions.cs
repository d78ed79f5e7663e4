namespace FeedMall.Resilience.Limiting;

/// <summary>Settings of <see cref="GradientLimiter"/>.</summary>
public sealed record GradientLimiterOptions
{
    /// <summary>The limit at the start. 1 to 100 000; default 20.</summary>
    public int Initial { get; init; } = 20;

    /// <summary>The limit never goes below. 1 to 100 000; default 4.</summary>
    public int Min { get; init; } = 4;

    /// <summary>The limit never goes above. Min to 100 000; default 200.</summary>
    public int Max { get; init; } = 200;

    /// <summary>Times are averaged over at least this long before they change the limit. 10 ms to 1 min; default 1 s.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>And over at least so many. 1 to 10 000; default 10.</summary>
    public int MinSamples { get; init; } = 10;

    /// <summary>Windows that the long-term average reaches back. 10 to 100 000; default 600.</summary>
    public int LongWindows { get; init; } = 600;

    /// <summary>Times may be longer than the long-term average by this factor before the limit sinks. 1 to 10; default 1.5.</summary>
    public double Tolerance { get; init; } = 1.5;

    /// <summary>
    /// Times that are longer are too long whatever the long-term average allows, unless that is itself longer: for work that must be done within a time, half of it. 1 ms or more;
    /// default infinite. Without it the average follows an overload that lasts, and allows more and more.
    /// </summary>
    public TimeSpan Slowest { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>What the limit may grow by in a window, before smoothing: the queue that is allowed to build up. 1 to 1000; default 4.</summary>
    public int Queue { get; init; } = 4;

    /// <summary>Weight of the newest limit. 0.01 to 1; default 0.2.</summary>
    public double Smoothing { get; init; } = 0.2;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        Within(Min, 1, 100_000, nameof(Min));
        Within(Max, Min, 100_000, nameof(Max));
        Within(Initial, 1, 100_000, nameof(Initial));
        Within(Window, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(1), nameof(Window));
        Within(MinSamples, 1, 10_000, nameof(MinSamples));
        Within(LongWindows, 10, 100_000, nameof(LongWindows));
        Within(Tolerance, 1, 10, nameof(Tolerance));
        if (Slowest != Timeout.InfiniteTimeSpan) Within(Slowest, TimeSpan.FromMilliseconds(1), TimeSpan.MaxValue, nameof(Slowest));
        Within(Queue, 1, 1000, nameof(Queue));
        Within(Smoothing, 0.01, 1, nameof(Smoothing));
    }

    private static void Within<T>(T value, T least, T most, string name) where T : IComparable<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most, name);
    }
}
