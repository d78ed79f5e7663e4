namespace FeedMall.Resilience.Balancing;

/// <summary>What turns timestamps into seconds and into weights of samples.</summary>
/// <param name="Frequency">Timestamps per second.</param>
/// <param name="Tau">Time constant of the averages, in seconds.</param>
internal readonly record struct Averaging(double Frequency, double Tau)
{
    /// <summary>Time that runs backwards counts as no time passed.</summary>
    public double SecondsBetween(long from, long to) => to <= from ? 0 : (to - from) / Frequency;
}
