namespace FeedMall.Resilience.Balancing;

/// <summary>
/// The default: draws two different nodes and takes the one with the higher score
/// <c>weight · success² / (cpu · √(max(lag, silence) + 5 ms) · (in flight + 1))</c>. (ALGORITHMS §9.3, "ours".)
/// </summary>
/// <remarks>
/// <para>success and lag are averages that decay with time; a node that is left alone is slowly forgiven, back to success 1 and the median lag.</para>
/// <para>silence is how long its calls have been waiting with none coming back: a node that hangs loses before the first timeout.</para>
/// <para>cpu is the load that the node reported, 0.1 to 1; unknown counts as 0.5.</para>
/// <para>A node that joins a running set starts with a tenth of its weight and reaches all of it 10 s after its first pick, so that it is neither flooded
/// while cold nor starved. A loser that was not picked for 3 s, or just joined, is picked all the same, by one thread, to learn how it is now.</para>
/// </remarks>
public sealed class EwmaBalancer(BalancerOptions options, TimeProvider clock, IChance chance) : Balancer(options, clock)
{
    private const double UnknownCpu = 0.5;
    private const double LeastCpu = 0.1;

    // The settings in seconds, because TimeSpan arithmetic would cost as much as the rest of the score.
    private readonly double _neutralSeconds = options.NeutralTime.TotalSeconds;
    private readonly double _slowStartSeconds = options.SlowStart.TotalSeconds;
    private readonly double _forcedPickSeconds = options.ForcedPickAfter.TotalSeconds;
    private readonly double _lagOffsetSeconds = options.LagOffset.TotalSeconds;
    private readonly double _cpuMaxAgeSeconds = options.CpuMaxAge.TotalSeconds;
    private readonly MedianLag _median = new(options.DefaultLag.TotalSeconds);

    /// <inheritdoc/>
    private protected override double NeutralLagSeconds => _median.Seconds;

    /// <inheritdoc/>
    protected override BalancerNode? Choose(Candidates candidates, long now)
    {
        _median.Refresh(candidates.Nodes, now, Averaging);
        var (first, second) = TwoChoices.Draw(candidates, chance);
        if (first is null || second is null || ReferenceEquals(first, second)) return first;

        var (winner, loser) = Score(second, now) > Score(first, now) ? (second, first) : (first, second);
        var lastPick = loser.Statistics.LastPick;
        var isDue = loser.Statistics.IsUnproven || Averaging.SecondsBetween(lastPick, now) > _forcedPickSeconds;
        var forced = isDue && loser.Statistics.TryForcePick(lastPick, now);
        return forced ? loser : winner;
    }

    /// <inheritdoc/>
    protected override double Score(BalancerNode node, long now)
    {
        var statistics = node.Statistics;
        var (lag, success) = Forgiven(statistics, now);
        var cpu = statistics.Cpu(_cpuMaxAgeSeconds, now, Averaging) is { } permille ? Math.Max(LeastCpu, permille / 1000.0) : UnknownCpu;
        var predicted = Math.Max(lag, statistics.SilentSeconds(now, Averaging));
        var weight = node.Weight * statistics.Warmth(Options.SlowStartFloor, _slowStartSeconds, now, Averaging);
        var power = Options.SuccessExponent == 2 ? success * success : Math.Pow(success, Options.SuccessExponent);
        return weight * power / (cpu * Math.Sqrt(predicted + _lagOffsetSeconds) * (statistics.InFlight + 1));
    }

    // Lag and success on their way back to those of a new node.
    private (double Lag, double Success) Forgiven(NodeStatistics statistics, long now)
    {
        if (!statistics.HasLag) return (_median.Seconds, 1);
        var kept = Math.Exp(-statistics.IdleSeconds(now, Averaging) / _neutralSeconds);
        return (statistics.Lag * kept + _median.Seconds * (1 - kept), 1 - (1 - statistics.Success) * kept);
    }
}
