using FeedMall.Resilience.RateLimiting;

namespace FeedMall.Resilience.Quotas;

/// <summary>What a node does when it has no lease.</summary>
public enum QuotaFallback
{
    /// <summary>Takes its part by head count: limit / nodes, as far as it knows them. The default.</summary>
    LocalShare,

    /// <summary>Lets everything pass: for quotas that only keep order.</summary>
    AllowAll,

    /// <summary>Lets nothing pass: for quotas that protect something.</summary>
    DenyAll,
}

/// <summary>Settings of <see cref="LeasedBucket"/>.</summary>
public sealed record LeasedBucketOptions
{
    /// <summary>Default <see cref="QuotaFallback.LocalShare"/>.</summary>
    public QuotaFallback Fallback { get; init; }

    /// <summary>No refusal tells anybody to wait longer, because by then there is a new lease. 1 ms to 1 min; default 1 s.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Demand that is assumed at the start, per second. 0 to 1 000 000 000; default 0.</summary>
    public double FirstDemand { get; init; }

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        if (!Enum.IsDefined(Fallback)) throw new ArgumentOutOfRangeException(nameof(Fallback), Fallback, "not a kind of fallback");
        ArgumentOutOfRangeException.ThrowIfLessThan(LongestWait, TimeSpan.FromMilliseconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(LongestWait, TimeSpan.FromMinutes(1));
        if (FirstDemand is not (>= 0 and <= 1e9)) throw new ArgumentOutOfRangeException(nameof(FirstDemand), FirstDemand, "must be 0 to 1000000000");
    }
}

/// <summary>What a leased bucket has and has done.</summary>
/// <param name="IsLeased">False: the fallback decides.</param>
/// <param name="Rate">What holds now, per second: leased, or the local share.</param>
/// <param name="Remaining">Tokens that can be taken now.</param>
/// <param name="Admitted">Requests that were let pass, those of the dry run included.</param>
/// <param name="Refused">Requests that were refused.</param>
/// <param name="WouldHaveRefused">Let pass only because of the dry run.</param>
/// <param name="ByFallback">Requests that the fallback decided about.</param>
public readonly record struct LeasedBucketSnapshot(bool IsLeased, double Rate, double Remaining, long Admitted, long Refused, long WouldHaveRefused, long ByFallback);

/// <summary>
/// Decides for one node by its part of a quota: a rate that it holds for a time, the lease, and a fallback when that time is over. Where leases come from it does not know.
/// (ALGORITHMS §6.4, §6.5.)
/// </summary>
/// <remarks>
/// A lease is used until it ends and is never made longer here; tokens that are left then are gone. Thread safe for those who take; leases and shares are set by one
/// thread at a time. A decision waits for nothing and allocates nothing.
/// </remarks>
public sealed class LeasedBucket
{
    // EndsAt is a timestamp. A renewal makes a new one around the same bucket.
    private sealed record Lease(TokenBucket Bucket, long EndsAt);

    private readonly TimeProvider _clock;
    private readonly DemandEstimate _demand;
    private readonly TokenBucket _localShare;
    private LeasedBucketOptions _options;
    private Lease? _lease;
    private volatile bool _dryRun;
    private long _admitted;
    private long _refused;
    private long _wouldHaveRefused;
    private long _byFallback;

    /// <summary>No lease yet. Checks the options.</summary>
    /// <param name="localRate">The first local share, per second.</param>
    /// <param name="localBurst">What of it may be spent at once.</param>
    public LeasedBucket(LeasedBucketOptions options, double localRate, double localBurst, TimeProvider clock)
    {
        options.Check();
        (_options, _clock, _demand) = (options, clock, new DemandEstimate(options.FirstDemand, clock));
        _localShare = new TokenBucket(Bucket(localRate, localBurst), clock);
    }

    /// <summary>Setting them keeps lease and demand.</summary>
    public LeasedBucketOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            Volatile.Write(ref _options, value);
        }
    }

    /// <summary>True: decide and count as always, but let everything pass. May be changed at any time.</summary>
    public bool DryRun
    {
        get => _dryRun;
        set => _dryRun = value;
    }

    /// <summary>Takes tokens of the lease, or as the fallback says. More at once than the burst are refused.</summary>
    public RateDecision TryTake(int tokens = 1) => TryTake(tokens, _clock.GetTimestamp());

    /// <summary>The same for a caller who has read the clock already.</summary>
    public RateDecision TryTake(int tokens, long now)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        _demand.Add(tokens);
        return Count(CurrentLease(now) is { } lease ? Take(lease.Bucket, tokens, now) : TakeFromFallback(tokens, now));
    }

    /// <summary>Tokens that can be taken now: of the lease, or of the local share.</summary>
    public double Remaining => (CurrentLease(_clock.GetTimestamp())?.Bucket ?? _localShare).Snapshot().Tokens;

    /// <summary>Whether there is a lease at this time.</summary>
    public bool IsLeased(long now) => CurrentLease(now) is not null;

    /// <summary>A heartbeat: the demand that goes into the next request for a lease, per second. For one thread at a time.</summary>
    public double Beat(long now) => _demand.Beat(now);

    /// <summary>The demand between two heartbeats.</summary>
    public double Demand(long now) => _demand.Peek(now);

    /// <summary>A new lease in place of the one that there is, whose tokens go on under the new rate.</summary>
    /// <param name="endsAt">A timestamp.</param>
    public void Hold(double rate, double burst, long endsAt)
    {
        var options = Bucket(rate, burst);
        var present = CurrentLease(_clock.GetTimestamp());
        if (present is not null) present.Bucket.Options = options;
        Volatile.Write(ref _lease, new Lease(present?.Bucket ?? new TokenBucket(options, burst, _clock), endsAt));
    }

    /// <summary>What this node takes when it has no lease, by <see cref="QuotaFallback.LocalShare"/>.</summary>
    public void SetLocalShare(double rate, double burst) => _localShare.Options = Bucket(rate, burst);

    /// <summary>For governor, console and tests.</summary>
    public LeasedBucketSnapshot Snapshot()
    {
        var lease = CurrentLease(_clock.GetTimestamp());
        var bucket = lease?.Bucket ?? _localShare;
        return new(lease is not null, bucket.Options.Rate, bucket.Snapshot().Tokens, Interlocked.Read(ref _admitted), Interlocked.Read(ref _refused),
            Interlocked.Read(ref _wouldHaveRefused), Interlocked.Read(ref _byFallback));
    }

    private Lease? CurrentLease(long now) => Volatile.Read(ref _lease) is { } lease && now < lease.EndsAt ? lease : null;

    private static RateDecision Take(TokenBucket bucket, int tokens, long now) =>
        tokens > bucket.Options.Burst ? new RateDecision(false, Reason.QuotaExceeded, TimeSpan.MaxValue) : bucket.TryTake(tokens, now);

    private RateDecision TakeFromFallback(int tokens, long now)
    {
        Interlocked.Increment(ref _byFallback);
        return Options.Fallback switch
        {
            QuotaFallback.AllowAll => RateDecision.Admitted,
            QuotaFallback.DenyAll => new RateDecision(false, Reason.QuotaExceeded, TimeSpan.MaxValue),
            _ => Take(_localShare, tokens, now),
        };
    }

    private RateDecision Count(RateDecision decision)
    {
        if (decision.IsAdmitted)
        {
            Interlocked.Increment(ref _admitted);
            return decision;
        }
        var dryRun = _dryRun;
        Interlocked.Increment(ref dryRun ? ref _wouldHaveRefused : ref _refused);
        if (dryRun) Interlocked.Increment(ref _admitted);
        var longest = Options.LongestWait;
        return new RateDecision(dryRun, Reason.QuotaExceeded, decision.RetryAfter < longest ? decision.RetryAfter : longest);
    }

    // A bucket needs room for one token, and a rate below what it knows is none.
    private static TokenBucketOptions Bucket(double rate, double burst) => new() { Rate = rate < 1e-6 ? 0 : rate, Burst = Math.Max(1, burst) };
}
