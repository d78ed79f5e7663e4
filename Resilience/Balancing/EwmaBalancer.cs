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

    private readonly MedianLag _median = new(options.DefaultLag.TotalSeconds);

    /// <inheritdoc/>
    private protected override double NeutralLagSeconds => _median.Seconds;

    /// <inheritdoc/>
    protected override BalancerNode? Choose(Candidates candidates, long now)
    {
        var settings = Settings;
        _median.Refresh(candidates.Nodes, now, settings);
        var (first, second) = TwoChoices.Draw(candidates, chance);
        if (first is null || second is null || ReferenceEquals(first, second)) return first;

        var (winner, loser) = Score(second, now, settings) > Score(first, now, settings) ? (second, first) : (first, second);
        var lastPick = loser.Statistics.LastPick;
        var isDue = loser.Statistics.IsUnproven || settings.Averaging.SecondsBetween(lastPick, now) > settings.ForcedPickSeconds;
        var forced = isDue && loser.Statistics.TryForcePick(lastPick, now);
        return forced ? loser : winner;
    }

    /// <inheritdoc/>
    protected override double Score(BalancerNode node, long now) => Score(node, now, Settings);

    private double Score(BalancerNode node, long now, BalancerSettings settings)
    {
        var (statistics, averaging, options) = (node.Statistics, settings.Averaging, settings.Options);
        var (lag, success) = Forgiven(statistics, now, settings);
        var cpu = statistics.Cpu(settings.CpuMaxAgeSeconds, now, averaging) is { } permille ? Math.Max(LeastCpu, permille / 1000.0) : UnknownCpu;
        var predicted = Math.Max(lag, statistics.SilentSeconds(now, averaging));
        var weight = node.Weight * statistics.Warmth(options.SlowStartFloor, settings.SlowStartSeconds, now, averaging);
        var power = options.SuccessExponent == 2 ? success * success : Math.Pow(success, options.SuccessExponent);
        return weight * power / (cpu * Math.Sqrt(predicted + settings.LagOffsetSeconds) * (statistics.InFlight + 1));
    }

    // Lag and success on their way back to those of a new node.
    private (double Lag, double Success) Forgiven(NodeStatistics statistics, long now, BalancerSettings settings)
    {
        if (!statistics.HasLag) return (_median.Seconds, 1);
        var kept = Averaging.Decay(statistics.IdleSeconds(now, settings.Averaging) / settings.NeutralSeconds);
        return (statistics.Lag * kept + _median.Seconds * (1 - kept), 1 - (1 - statistics.Success) * kept);
    }
}
