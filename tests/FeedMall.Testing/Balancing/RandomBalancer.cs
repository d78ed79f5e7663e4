using FeedMall.Resilience;
using FeedMall.Resilience.Balancing;

namespace FeedMall.Testing.Balancing;

/// <summary>Any node, each equally likely: what the others are compared with.</summary>
public sealed class RandomBalancer(BalancerOptions options, TimeProvider clock, IChance chance) : Balancer(options, clock)
{
    /// <inheritdoc/>
    protected override BalancerNode? Choose(Candidates candidates, long now) => candidates.Find((int)(chance.NextDouble() * candidates.Count()));

    /// <inheritdoc/>
    protected override double Score(BalancerNode node, long now) => 1;
}
