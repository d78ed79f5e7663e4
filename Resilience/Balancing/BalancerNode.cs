namespace FeedMall.Resilience.Balancing;

/// <summary>
/// One server to choose from. The caller creates it and may hang its own state on it; the balancer fills the statistics. A node belongs to one balancer.
/// When an update brings another node object with the same key, that one takes over the statistics, but keeps its own weight, state and availability.
/// </summary>
public sealed class BalancerNode
{
    private volatile bool _isAvailable = true;
    private NodeStatistics _statistics = new();

    /// <summary>An available node.</summary>
    /// <param name="key">What makes two nodes the same one over updates, for example the address.</param>
    /// <param name="weight">Its share of the traffic relative to others, 0 to 1 000 000. 0 means: only when nothing else is available.</param>
    /// <param name="state">Whatever the caller needs when the node is picked, for example its connection.</param>
    public BalancerNode(string key, double weight = 1, object? state = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        ArgumentOutOfRangeException.ThrowIfLessThan(weight, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(weight, 1_000_000);
        Key = key;
        Weight = weight;
        State = state;
    }

    /// <summary>What makes two nodes the same one over updates.</summary>
    public string Key { get; }

    /// <summary>Its share of the traffic relative to others.</summary>
    public double Weight { get; }

    /// <summary>The caller's own.</summary>
    public object? State { get; }

    /// <summary>False takes the node out of the pick at once (connection broken, breaker open, draining); true brings it back with its statistics.</summary>
    public bool IsAvailable
    {
        get => _isAvailable;
        set => _isAvailable = value;
    }

    /// <summary>Calls that were picked and have not completed.</summary>
    public int InFlight => Statistics.InFlight;

    /// <summary>Times that it was picked.</summary>
    public long Picks => Statistics.Picks;

    /// <summary>Calls that completed as failures.</summary>
    public long Failures => Statistics.Failures;

    // Replaced by the update that adopts another node's statistics, while calls may be running.
    internal NodeStatistics Statistics
    {
        get => Volatile.Read(ref _statistics);
        set => Volatile.Write(ref _statistics, value);
    }

    /// <inheritdoc/>
    public override string ToString() => Key;
}
