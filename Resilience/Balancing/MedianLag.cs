namespace FeedMall.Resilience.Balancing;

/// <summary>
/// The median lag of a set of nodes, which stands for the lag of a node that nobody knows yet. Sorting costs too much for each pick, so it is
/// brought up to date by one thread at most every 100 ms; the others use the value before.
/// </summary>
internal sealed class MedianLag
{
    private const double RefreshSeconds = 0.1;

    // 1 while a thread computes; that thread owns _lags.
    private int _computing;
    private double[] _lags = [];
    private long _computedAt = long.MinValue;
    private double _seconds;

    /// <param name="withoutAny">In seconds, until the first refresh.</param>
    public MedianLag(double withoutAny) => _seconds = withoutAny;

    /// <summary>In seconds; the default lag while no node has completed a call.</summary>
    public double Seconds => Volatile.Read(ref _seconds);

    public void Refresh(ReadOnlySpan<BalancerNode> nodes, long now, BalancerSettings settings)
    {
        var at = Volatile.Read(ref _computedAt);
        if (at != long.MinValue && settings.Averaging.SecondsBetween(at, now) < RefreshSeconds) return;
        if (Interlocked.Exchange(ref _computing, 1) == 1) return;
        Volatile.Write(ref _seconds, Compute(nodes, settings.DefaultLagSeconds));
        Volatile.Write(ref _computedAt, now);
        Volatile.Write(ref _computing, 0);
    }

    private double Compute(ReadOnlySpan<BalancerNode> nodes, double withoutAny)
    {
        if (_lags.Length < nodes.Length) _lags = new double[nodes.Length];
        var count = 0;
        foreach (var node in nodes)
            if (node.Statistics is { HasLag: true } known) _lags[count++] = known.Lag;
        if (count == 0) return withoutAny;
        var lags = _lags.AsSpan(0, count);
        lags.Sort();
        return count % 2 == 1 ? lags[count / 2] : (lags[count / 2 - 1] + lags[count / 2]) / 2;
    }
}
