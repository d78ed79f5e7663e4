namespace FeedMall.Resilience.Balancing;

/// <summary>
/// Every node in turn, by weight, spread evenly: with 3:2:1 the order is A B A C B A. Each pick adds its weight to every candidate's c, takes
/// the largest c (the first of equals), and takes the sum of the weights off it. Nodes that stay over an update keep their c. (ALGORITHMS §9.1.)
/// </summary>
public sealed class SmoothWeightedRoundRobin(BalancerOptions options, TimeProvider clock, IChance chance) : Balancer(options, clock)
{
    // Steps of the random start at most: enough to be anywhere in the cycle of usual weights.
    private const int MostStartSteps = 1000;

    // Guards every node's c (NodeStatistics.CurrentWeight) while it is stepped.
    private readonly Lock _gate = new();
    private bool _started;

    /// <inheritdoc/>
    protected override BalancerNode? Choose(Candidates candidates, long now)
    {
        lock (_gate) return Step(candidates);
    }

    /// <inheritdoc/>
    protected override double Score(BalancerNode node, long now)
    {
        lock (_gate) return node.Statistics.CurrentWeight;
    }

    private protected override void OnUpdate(BalancerNode[] nodes)
    {
        if (_started || nodes.Length == 0) return;
        _started = true;
        if (!Options.RandomStart) return;
        var steps = (int)(chance.NextDouble() * Math.Min(MostStartSteps, Math.Max(nodes.Length, nodes.Sum(node => node.Weight))));
        lock (_gate)
        {
            for (var step = 0; step < steps; step++) Step(new Candidates(nodes, [], Candidates.Rule.Weighted));
        }
    }

    private static BalancerNode? Step(Candidates candidates)
    {
        BalancerNode? best = null;
        double sum = 0;
        foreach (var node in candidates.Nodes)
        {
            if (!candidates.Allows(node)) continue;
            var weight = candidates.WeightOf(node);
            sum += weight;
            node.Statistics.CurrentWeight += weight;
            if (best is null || node.Statistics.CurrentWeight > best.Statistics.CurrentWeight) best = node;
        }
        if (best is not null) best.Statistics.CurrentWeight -= sum;
        return best;
    }
}
