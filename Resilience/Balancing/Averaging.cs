namespace FeedMall.Resilience.Balancing;

/// <summary>What turns timestamps into seconds and into weights of samples.</summary>
/// <param name="Frequency">Timestamps per second.</param>
/// <param name="Tau">Time constant of the averages, in seconds.</param>
internal readonly record struct Averaging(double Frequency, double Tau)
{
    // A multiplication is several times cheaper than the division, and there are up to ten in a pick.
    private readonly double _secondsPerTick = 1 / Frequency;

    /// <summary>Time that runs backwards counts as no time passed.</summary>
    public double SecondsBetween(long from, long to) => to <= from ? 0 : (to - from) * _secondsPerTick;

    /// <summary>e^(−x), for x ≥ 0, exact to 2 · 10^−10. Busy nodes have tiny x, for which two terms will do at a fraction of the cost.</summary>
    public static double Decay(double x) => x < 1e-3 ? 1 - x + x * x / 2 : Math.Exp(-x);
}
