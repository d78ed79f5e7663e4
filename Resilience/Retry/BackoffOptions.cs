namespace FeedMall.Resilience.Retry;

/// <summary>How chance spreads the waits of many callers that failed together.</summary>
public enum JitterKind
{
    /// <summary>None: b = min(Max, Min · Factor^attempt).</summary>
    None,

    /// <summary>
    /// U(Min, Min · Factor^attempt), cut off at Max afterwards. Only for parity with older systems: the first wait is always Min, and late waits
    /// pile up at Max, so callers that failed together come back together.
    /// </summary>
    Seed,

    /// <summary>U(Min / 2, b): the default. Spreads most, and never comes back at once.</summary>
    Full,

    /// <summary>b / 2 + U(0, b / 2).</summary>
    Equal,

    /// <summary>min(Max, U(Min, 3 · previous wait)): grows from what was really waited.</summary>
    Decorrelated,
}

/// <summary>Settings of <see cref="Backoff"/>.</summary>
public sealed record BackoffOptions
{
    /// <summary>Nominal first wait. More than 0, at most 1 hour; default 100 ms. When it is not below <see cref="Max"/>, every wait is <see cref="Max"/>.</summary>
    public TimeSpan Min { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest wait. More than 0, at most 1 day; default 10 s.</summary>
    public TimeSpan Max { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Growth from one wait to the next. 1 to 10; default 2.</summary>
    public double Factor { get; init; } = 2;

    /// <summary>Default <see cref="JitterKind.Full"/>.</summary>
    public JitterKind Jitter { get; init; } = JitterKind.Full;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Min, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Min, TimeSpan.FromHours(1));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Max, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Max, TimeSpan.FromDays(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(Factor, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Factor, 10);
        if (!Enum.IsDefined(Jitter)) throw new ArgumentOutOfRangeException(nameof(Jitter), Jitter, "not a kind of jitter");
    }
}
