namespace FeedMall.Resilience.Balancing;

/// <summary>
/// The first available node in the order of the list, and then always that one until it is gone: for active/standby pairs. A call that avoids it
/// gets the next one, without moving the others' choice.
/// </summary>
public sealed class PickFirst(BalancerOptions options, TimeProvider clock) : Balancer(options, clock)
{
    // By statistics, so that it stays when an update replaces the node object.
    private NodeStatistics? _current;

    /// <inheritdoc/>
    protected override BalancerNode? Choose(Candidates candidates, long now)
    {
        var current = Volatile.Read(ref _current);
        BalancerNode? first = null;
        var currentStands = false;
        foreach (var node in candidates.Nodes)
        {
            var isCurrent = ReferenceEquals(node.Statistics, current);
            currentStands |= isCurrent && node.IsAvailable;
            if (!candidates.Allows(node)) continue;
            if (isCurrent) return node;
            first ??= node;
        }
        // Two threads may both find the next one: they find the same, unless availability changes right then, and either is right.
        if (first is not null && !currentStands) Volatile.Write(ref _current, first.Statistics);
        return first;
    }

    /// <inheritdoc/>
    protected override double Score(BalancerNode node, long now) => ReferenceEquals(node.Statistics, Volatile.Read(ref _current)) ? 1 : 0;
}
