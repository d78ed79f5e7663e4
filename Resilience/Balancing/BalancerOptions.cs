namespace FeedMall.Resilience.Balancing;

/// <summary>Settings of the balancers. All kinds keep lag and success; the rest says who uses it.</summary>
public sealed record BalancerOptions
{
    /// <summary>
    /// τ of the averages of lag and success: a sample that comes t after the last one gets the weight 1 − exp(−t / τ). 1 ms to 10 min; default 600 ms.
    /// </summary>
    public TimeSpan AverageTime { get; init; } = TimeSpan.FromMilliseconds(600);

    /// <summary>
    /// EWMA: how fast an idle node is forgiven. After t without completions its lag and success have gone 1 − exp(−t / this) of the way back to
    /// what a new node gets. 1 s to 1 h; default 10 s.
    /// </summary>
    public TimeSpan NeutralTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>EWMA: how long a node that joins works its way up to its full weight, from its first pick on. 0 (off) to 1 h; default 10 s.</summary>
    public TimeSpan SlowStart { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>EWMA: share of the weight at the beginning of the slow start. 0.01 to 1; default 0.1.</summary>
    public double SlowStartFloor { get; init; } = 0.1;

    /// <summary>EWMA: a drawn node that was not picked for this long is picked even if it loses, to learn how it is now. 100 ms to 1 h; default 3 s.</summary>
    public TimeSpan ForcedPickAfter { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>EWMA: exponent of success in the score; with 2 a node that fails half of its calls is 4 times less attractive. 0 to 10; default 2.</summary>
    public double SuccessExponent { get; init; } = 2;

    /// <summary>EWMA: lag of a new node while no node has any. 1 ms to 1 min; default 50 ms.</summary>
    public TimeSpan DefaultLag { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>EWMA: added to the lag in the score, so that 1 ms and 2 ms count as about the same. 0 to 1 s; default 5 ms.</summary>
    public TimeSpan LagOffset { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>EWMA: a reported load older than this counts as unknown. 1 s to 1 h; default 10 s.</summary>
    public TimeSpan CpuMaxAge { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Smooth weighted round robin: starts at a place of its cycle by chance, so that many clients do not march in step. Default true.</summary>
    public bool RandomStart { get; init; } = true;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        Within(AverageTime, TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(10), nameof(AverageTime));
        Within(NeutralTime, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), nameof(NeutralTime));
        Within(SlowStart, TimeSpan.Zero, TimeSpan.FromHours(1), nameof(SlowStart));
        Within(SlowStartFloor, 0.01, 1, nameof(SlowStartFloor));
        Within(ForcedPickAfter, TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1), nameof(ForcedPickAfter));
        Within(SuccessExponent, 0, 10, nameof(SuccessExponent));
        Within(DefaultLag, TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(1), nameof(DefaultLag));
        Within(LagOffset, TimeSpan.Zero, TimeSpan.FromSeconds(1), nameof(LagOffset));
        Within(CpuMaxAge, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), nameof(CpuMaxAge));
    }

    private static void Within<T>(T value, T least, T most, string name) where T : IComparable<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most, name);
    }
}
