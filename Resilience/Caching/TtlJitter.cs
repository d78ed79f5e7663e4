namespace FeedMall.Resilience.Caching;

/// <summary>
/// Spreads times to live, so that entries that were filled together do not expire together: ttl · U(1 − j, 1 + j). (ALGORITHMS §10.3.)
/// </summary>
public readonly record struct TtlJitter
{
    /// <summary>What is usual: 5 %.</summary>
    public const double DefaultShare = 0.05;

    /// <summary>A spread of this share to either side.</summary>
    /// <param name="share">j, 0 (none) to 0.9.</param>
    public TtlJitter(double share)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(share, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(share, 0.9);
        Share = share;
    }

    /// <summary>j.</summary>
    public double Share { get; }

    /// <summary>The time to live of one entry.</summary>
    public TimeSpan Apply(TimeSpan timeToLive, IChance chance) =>
        Share == 0 ? timeToLive : timeToLive * (1 - Share + 2 * Share * chance.NextDouble());
}
