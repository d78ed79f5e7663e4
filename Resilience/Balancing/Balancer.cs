namespace FeedMall.Resilience.Balancing;

/// <summary>
/// Chooses a server for each call. <see cref="Pick(ReadOnlySpan{BalancerNode})"/> and <see cref="Complete"/> come in pairs: the caller completes each picked node exactly once,
/// whatever happens to the call, or the node's in-flight count is wrong for ever. Thread safe; neither allocates.
/// </summary>
public abstract class Balancer
{
    // Guards updates against each other. Picks read _nodes, an array that is never changed, only replaced.
    private readonly Lock _updating = new();
    private readonly TimeProvider _clock;
    private BalancerNode[] _nodes = [];
    // Replaced as a whole, so that a pick sees settings that belong together.
    private volatile BalancerSettings _settings;

    /// <summary>A balancer without nodes. Checks the options.</summary>
    protected Balancer(BalancerOptions options, TimeProvider clock)
    {
        options.Check();
        _clock = clock;
        _settings = new BalancerSettings(options, clock.TimestampFrequency);
    }

    /// <summary>May be changed at any time; checked, and what is known about the nodes stays.</summary>
    public BalancerOptions Options
    {
        get => _settings.Options;
        set
        {
            value.Check();
            _settings = new BalancerSettings(value, _clock.TimestampFrequency);
        }
    }

    /// <summary>The nodes of the last update.</summary>
    public IReadOnlyList<BalancerNode> Nodes => Volatile.Read(ref _nodes).AsReadOnly();

    private protected BalancerSettings Settings => _settings;

    private Averaging Averaging => _settings.Averaging;

    /// <summary>
    /// Replaces the set of nodes. Statistics of keys that stay are kept; a key that is new starts from nothing. Calls to nodes that left go on and
    /// complete as usual.
    /// </summary>
    /// <exception cref="ArgumentException">Two nodes have the same key.</exception>
    public void Update(IReadOnlyList<BalancerNode> nodes)
    {
        lock (_updating)
        {
            var before = _nodes;
            var now = _clock.GetTimestamp();
            var staying = before.ToDictionary(node => node.Key, node => node.Statistics);
            var keys = new HashSet<string>();
            foreach (var node in nodes)
                if (!keys.Add(node.Key)) throw new ArgumentException($"two nodes have the key '{node.Key}'", nameof(nodes));
            foreach (var node in nodes)
            {
                if (staying.TryGetValue(node.Key, out var statistics)) node.Statistics = statistics;
                else node.Statistics.Join(warm: before.Length == 0, now);
            }
            BalancerNode[] after = [.. nodes];
            OnUpdate(after);
            Volatile.Write(ref _nodes, after);
        }
    }

    /// <summary>
    /// Chooses a node and counts it as in flight; null when no node is available. Nodes in <paramref name="avoid"/> (already tried by this call) are
    /// chosen only when nothing else is left, and nodes of weight 0 only after those.
    /// </summary>
    public BalancerNode? Pick(ReadOnlySpan<BalancerNode> avoid = default) => Pick(avoid, _clock.GetTimestamp());

    /// <summary>The same for a caller that has just read the clock.</summary>
    /// <param name="now">The clock's timestamp.</param>
    public BalancerNode? Pick(ReadOnlySpan<BalancerNode> avoid, long now)
    {
        var nodes = Volatile.Read(ref _nodes);
        for (var rule = Candidates.Rule.WeightedAndNotTried; rule <= Candidates.Rule.Any; rule++)
        {
            var node = Choose(new Candidates(nodes, avoid, rule), now);
            if (node is null) continue;
            node.Statistics.OnPick(now);
            return node;
        }
        return null;
    }

    /// <summary>Ends a call. Exactly once for each pick.</summary>
    /// <param name="node">What <see cref="Pick(ReadOnlySpan{BalancerNode})"/> answered.</param>
    /// <param name="startedAtTimestamp">The clock's timestamp when the call began.</param>
    /// <param name="result">How it ended.</param>
    /// <param name="cpuPermille">The load that the node reported with its answer, 0 to 1000; null when it did not.</param>
    public void Complete(BalancerNode node, long startedAtTimestamp, Outcome result, int? cpuPermille = null)
    {
        var now = _clock.GetTimestamp();
        var statistics = node.Statistics;
        statistics.OnComplete(result, now);
        if (cpuPermille is { } cpu) statistics.ReportCpu(cpu, now);
        if (result == Outcome.Ignored) return;
        statistics.Observe(Averaging.SecondsBetween(startedAtTimestamp, now), result == Outcome.Success, NeutralLagSeconds, now, Averaging);
    }

    /// <summary>What is known about each node, in the order of the list.</summary>
    public IReadOnlyList<NodeSnapshot> Snapshot()
    {
        var now = _clock.GetTimestamp();
        return Volatile.Read(ref _nodes).Select(node => SnapshotOf(node, now)).ToArray();
    }

    /// <summary>Chooses one of the candidates; null when there is none. Called by many threads at once; must not allocate.</summary>
    /// <param name="candidates">The nodes and which of them may be taken.</param>
    /// <param name="now">The clock's timestamp.</param>
    protected abstract BalancerNode? Choose(Candidates candidates, long now);

    /// <summary>What the balancer compares, for the snapshot; higher is rather picked.</summary>
    protected abstract double Score(BalancerNode node, long now);

    /// <summary>The set is about to be replaced; statistics are in place.</summary>
    private protected virtual void OnUpdate(BalancerNode[] nodes) { }

    /// <summary>The lag of a node before its first sample, in seconds.</summary>
    private protected virtual double NeutralLagSeconds => Options.DefaultLag.TotalSeconds;

    private NodeSnapshot SnapshotOf(BalancerNode node, long now)
    {
        var statistics = node.Statistics;
        return new NodeSnapshot(
            node.Key, node.IsAvailable, node.Weight, Score(node, now), statistics.InFlight, statistics.Success, TimeSpan.FromSeconds(statistics.Lag),
            statistics.Cpu(Options.CpuMaxAge.TotalSeconds, now, Averaging), TimeSpan.FromSeconds(Averaging.SecondsBetween(statistics.LastPick, now)),
            statistics.Picks, statistics.Failures);
    }
}
