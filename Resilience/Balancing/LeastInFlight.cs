namespace FeedMall.Resilience.Balancing;

/// <summary>
/// Draws two different nodes and takes the one with fewer calls in flight; of equals, the first drawn. A node that fails at once has few calls in
/// flight and draws traffic like a hole: use it only where failing nodes are taken out by other means, else <see cref="EwmaBalancer"/>. (ALGORITHMS §9.2.)
/// </summary>
public sealed class LeastInFlight(BalancerOptions options, TimeProvider clock, IChance chance) : Balancer(options, clock)
{
    /// <inheritdoc/>
    protected override BalancerNode? Choose(Candidates candidates, long now)
    {
        var (first, second) = TwoChoices.Draw(candidates, chance);
        if (first is null || second is null) return first;
        return second.InFlight < first.InFlight ? second : first;
    }

    /// <inheritdoc/>
    protected override double Score(BalancerNode node, long now) => 1.0 / (node.InFlight + 1);
}
