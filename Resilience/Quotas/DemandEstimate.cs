namespace FeedMall.Resilience.Quotas;

/// <summary>
/// How much a node could use: half of what it thought before and half of what came since the last heartbeat, and a quarter more as headroom. What was refused counts
/// like what passed, or a starved node could never grow. (ALGORITHMS §6.3.) Adding is thread safe; the rest is for one thread at a time.
/// </summary>
internal sealed class DemandEstimate(double initial, TimeProvider clock)
{
    private const double Weight = 0.5;
    private const double Headroom = 1.25;
    // A shorter time says nothing about a rate.
    private static readonly TimeSpan s_least = TimeSpan.FromMilliseconds(50);

    private double _perSecond = initial / Headroom;
    private long _beatAt = clock.GetTimestamp();
    private long _offered;

    public void Add(int tokens) => Interlocked.Add(ref _offered, tokens);

    /// <summary>What to ask for now; never less than at the last heartbeat.</summary>
    public double Peek(long now) => Math.Max(_perSecond, At(now, Interlocked.Read(ref _offered))) * Headroom;

    /// <summary>A heartbeat: what to ask for until the next one.</summary>
    public double Beat(long now)
    {
        if (clock.GetElapsedTime(_beatAt, now) < s_least) return Peek(now);
        _perSecond = At(now, Interlocked.Exchange(ref _offered, 0));
        _beatAt = now;
        return _perSecond * Headroom;
    }

    private double At(long now, long offered)
    {
        var elapsed = clock.GetElapsedTime(_beatAt, now);
        return elapsed < s_least ? _perSecond : (1 - Weight) * _perSecond + Weight * offered / elapsed.TotalSeconds;
    }
}
