namespace FeedMall.Resilience.Balancing;

/// <summary>Draws two different candidates, every ordered pair equally likely.</summary>
internal static class TwoChoices
{
    /// <summary>Both are null when there is no candidate, and the same when there is one.</summary>
    public static (BalancerNode? First, BalancerNode? Second) Draw(Candidates candidates, IChance chance)
    {
        var nodes = candidates.Nodes;
        if (nodes.Length >= 2)
        {
            // Usually all may be picked, and the first draw already fits. A draw that does not fit is thrown away whole, so pairs stay equally likely.
            var (first, second) = DistinctBelow(nodes.Length, chance);
            if (candidates.Allows(nodes[first]) && candidates.Allows(nodes[second])) return (nodes[first], nodes[second]);
        }
        var count = candidates.Count();
        if (count < 2)
        {
            var only = candidates.Find(0);
            return (only, only);
        }
        var (one, other) = DistinctBelow(count, chance);
        var a = candidates.Find(one) ?? candidates.Find(0);
        return (a, candidates.Find(other) ?? a);
    }

    private static (int First, int Second) DistinctBelow(int count, IChance chance)
    {
        var first = (int)(chance.NextDouble() * count);
        var second = (int)(chance.NextDouble() * (count - 1));
        return (first, second >= first ? second + 1 : second);
    }
}
