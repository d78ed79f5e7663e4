namespace FeedMall.Resilience.Balancing;

/// <summary>
/// The nodes of one pick, and which of them may be picked. Availability may change while a pick runs, so a node that was counted may be gone
/// when it is looked up: choosers cope with a null.
/// </summary>
public readonly ref struct Candidates
{
    /// <summary>How strictly candidates are chosen; when nobody is left, the next one is tried.</summary>
    internal enum Rule { WeightedAndNotTried, Weighted, Any }

    private readonly ReadOnlySpan<BalancerNode> _avoid;
    private readonly Rule _rule;

    internal Candidates(ReadOnlySpan<BalancerNode> nodes, ReadOnlySpan<BalancerNode> avoid, Rule rule)
    {
        Nodes = nodes;
        _avoid = avoid;
        _rule = rule;
    }

    /// <summary>All nodes in the order of the list, those that may not be picked included.</summary>
    public ReadOnlySpan<BalancerNode> Nodes { get; }

    /// <summary>Whether this pick may take the node.</summary>
    public bool Allows(BalancerNode node)
    {
        if (!node.IsAvailable) return false;
        if (_rule == Rule.Any) return true;
        if (node.Weight <= 0) return false;
        if (_rule == Rule.Weighted || _avoid.IsEmpty) return true;
        // By statistics, because an update during the call may have replaced the node object.
        foreach (var tried in _avoid)
            if (ReferenceEquals(tried.Statistics, node.Statistics)) return false;
        return true;
    }

    /// <summary>The node's weight in this pick: when only nodes of weight 0 are left, all count alike.</summary>
    public double WeightOf(BalancerNode node) => node.Weight > 0 ? node.Weight : _rule == Rule.Any ? 1 : 0;

    /// <summary>How many nodes this pick may take. Walks the list.</summary>
    public int Count()
    {
        var count = 0;
        foreach (var node in Nodes)
            if (Allows(node)) count++;
        return count;
    }

    /// <summary>The allowed node of this rank, from 0; null when there are fewer by now. Walks the list.</summary>
    public BalancerNode? Find(int rank)
    {
        foreach (var node in Nodes)
            if (Allows(node) && rank-- == 0) return node;
        return null;
    }
}
