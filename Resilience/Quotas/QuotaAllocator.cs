namespace FeedMall.Resilience.Quotas;

/// <summary>Settings of <see cref="QuotaAllocator"/>.</summary>
public sealed record QuotaAllocatorOptions
{
    /// <summary>Of all nodes together, per second. 0 to 1 000 000 000; default 1000.</summary>
    public double Limit { get; init; } = 1000;

    /// <summary>How long a lease holds, and a silent node keeps its share. 100 ms to 1 min; default 3 s: three heartbeats.</summary>
    public TimeSpan Ttl { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>What may be spent at once, as time at the leased rate. 0 to 10 s; default 100 ms.</summary>
    public TimeSpan BurstTime { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Share of the limit that is not handed out on top of the demand, so that a new node finds something. 0 to 1; default 0.1.</summary>
    public double Reserve { get; init; } = 0.1;

    /// <summary>Most nodes at once; another one gets a rate of 0. 1 to 10 000; default 1000.</summary>
    public int MaxNodes { get; init; } = 1000;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        if (Limit is not (>= 0 and <= 1e9)) throw new ArgumentOutOfRangeException(nameof(Limit), Limit, "must be 0 to 1000000000");
        ArgumentOutOfRangeException.ThrowIfLessThan(Ttl, TimeSpan.FromMilliseconds(100));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Ttl, TimeSpan.FromMinutes(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(BurstTime, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(BurstTime, TimeSpan.FromSeconds(10));
        if (Reserve is not (>= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(Reserve), Reserve, "must be 0 to 1");
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxNodes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxNodes, 10_000);
    }
}

/// <summary>One node's part of a quota.</summary>
/// <param name="Demand">What it asked for last, per second.</param>
/// <param name="Rate">What it has, per second.</param>
public readonly record struct QuotaShare(string Node, double Weight, double Demand, double Rate);

/// <summary>How a quota is shared now.</summary>
public sealed record QuotaAllocatorSnapshot(double Limit, double Leased, long Epoch, IReadOnlyList<QuotaShare> Shares);

/// <summary>
/// Shares a limit out to the nodes that ask, by <see cref="MaxMinShare"/> of what they need, as leases. What nobody needs is handed out equally on top, so that a node
/// that grows need not wait for its next heartbeat. Knows no transport. (ALGORITHMS §6.3, §6.4, §6.6.)
/// </summary>
/// <remarks>
/// <para>Never leases out more than the limit: a node whose share has grown gets the difference only when the others have come for their smaller leases, or when theirs have
/// run out. So all nodes together pass, in any second, at most limit + Σ bursts, which is 1.1 × limit at a <see cref="QuotaAllocatorOptions.BurstTime"/> of 100 ms (and one
/// more for each node whose burst is below 1). A limit that is lowered holds when every node has come again, at most one heartbeat later.</para>
/// <para>Too little is passed where a node has vanished: its rate is lost until its lease runs out, at most rate × ttl; and where shares move, for one heartbeat.</para>
/// <para>Thread safe.</para>
/// </remarks>
public sealed class QuotaAllocator : IQuotaSource
{
    private sealed class Node
    {
        public double Weight;
        public double Demand;
        public double Rate;
        public long AskedAt;
    }

    // Guards everything below.
    private readonly Lock _gate = new();
    private readonly TimeProvider _clock;
    private readonly Dictionary<string, Node> _nodes = [];
    private QuotaAllocatorOptions _options;
    private double[] _demands = [];
    private double[] _weights = [];
    private double[] _shares = [];
    private long _epoch;

    /// <summary>No nodes yet. Checks the options.</summary>
    public QuotaAllocator(QuotaAllocatorOptions options, TimeProvider clock)
    {
        options.Check();
        (_options, _clock) = (options, clock);
    }

    /// <summary>Setting them keeps nodes and leases; a node gets what follows from them when it next asks.</summary>
    public QuotaAllocatorOptions Options
    {
        get
        {
            lock (_gate) return _options;
        }
        set
        {
            value.Check();
            lock (_gate) (_options, _epoch) = (value, _epoch + 1);
        }
    }

    /// <summary>Leases a rate to a node, in place of what it had.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Weight or demand make no sense.</exception>
    public QuotaGrant Request(QuotaRequest request)
    {
        if (request.Weight is not (>= 0.001 and <= 1000)) throw new ArgumentOutOfRangeException(nameof(request), request.Weight, "weight must be 0.001 to 1000");
        if (request.Demand is not (>= 0 and <= 1e12)) throw new ArgumentOutOfRangeException(nameof(request), request.Demand, "demand must be 0 to 1e12");
        lock (_gate)
        {
            var now = _clock.GetTimestamp();
            DropSilentNodes(now);
            if (!_nodes.TryGetValue(request.Node, out var node))
            {
                if (_nodes.Count >= _options.MaxNodes) return Grant(0);
                _nodes.Add(request.Node, node = new Node());
                _epoch++;
            }
            var isNew = node.Weight == 0;
            (node.Weight, node.Demand, node.AskedAt) = (request.Weight, request.Demand, now);
            var leasedToOthers = -node.Rate;
            foreach (var other in _nodes.Values) leasedToOthers += other.Rate;
            // A first lease gets nothing on top: when many begin at once, the first would take what the others need.
            node.Rate = Math.Clamp(_options.Limit - leasedToOthers, 0, FairRate(node, withSpare: !isNew));
            return Grant(node.Rate);
        }
    }

    /// <inheritdoc/>
    public ValueTask<QuotaGrant> RequestAsync(QuotaRequest request, CancellationToken cancellation) => ValueTask.FromResult(Request(request));

    /// <summary>For governor, console and tests.</summary>
    public QuotaAllocatorSnapshot Snapshot()
    {
        lock (_gate)
        {
            DropSilentNodes(_clock.GetTimestamp());
            var shares = _nodes.Select(node => new QuotaShare(node.Key, node.Value.Weight, node.Value.Demand, node.Value.Rate)).ToList();
            return new(_options.Limit, shares.Sum(share => share.Rate), _epoch, shares);
        }
    }

    private QuotaGrant Grant(double rate) => new(rate, rate * _options.BurstTime.TotalSeconds, _options.Ttl, _epoch, _options.Limit, Math.Max(1, _nodes.Count));

    private void DropSilentNodes(long now)
    {
        foreach (var (name, node) in _nodes)
        {
            if (_clock.GetElapsedTime(node.AskedAt, now) < _options.Ttl) continue;
            // Removing is allowed while a dictionary is enumerated.
            _nodes.Remove(name);
            _epoch++;
        }
    }

    private double FairRate(Node asking, bool withSpare)
    {
        var count = _nodes.Count;
        if (_demands.Length < count) (_demands, _weights, _shares) = (new double[2 * count], new double[2 * count], new double[2 * count]);
        var (i, self, demanded) = (0, 0, 0.0);
        foreach (var node in _nodes.Values)
        {
            if (node == asking) self = i;
            demanded += node.Demand;
            (_demands[i], _weights[i]) = (node.Demand, node.Weight);
            i++;
        }
        MaxMinShare.Fill(_options.Limit, _demands.AsSpan(0, count), _weights.AsSpan(0, count), _shares.AsSpan(0, count));
        return withSpare ? _shares[self] + Math.Max(0, _options.Limit * (1 - _options.Reserve) - demanded) / count : _shares[self];
    }
}
