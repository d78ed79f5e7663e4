using System.Threading.RateLimiting;
using FeedMall.Resilience.RateLimiting;

namespace FeedMall.ServiceDefaults.Resilience;

/// <summary>
/// Our <see cref="TokenBucket"/> as a limiter of the framework, so that ASP.NET's rate limiting and <see cref="PartitionedRateLimiter"/> can use it. It stands here because
/// <see cref="RateLimiter"/> comes with ASP.NET, and Resilience knows the base class library only.
/// </summary>
/// <remarks>
/// Against the framework's TokenBucketRateLimiter: it refills continuously by itself, without a timer for each limiter; who waits is given his time at once and
/// refused at once when that is later than he would wait, where the framework's queue has a length and no time; and refusals say when to come
/// again to the tenth of a microsecond.
/// </remarks>
/// <param name="bucket">May be shared and asked directly as well.</param>
/// <param name="maxWait">How long AcquireAsync waits at most; zero: not at all.</param>
public sealed class TokenBucketLimiter(TokenBucket bucket, TimeSpan maxWait, TimeProvider clock) : RateLimiter
{
    private long _askedAt = clock.GetTimestamp();
    private int _waiting;

    /// <summary>Since it was last asked, while the bucket is full and so could be forgotten; null while it is not. Whoever holds many limiters asks this now and then.</summary>
    public override TimeSpan? IdleDuration
    {
        get
        {
            if (Volatile.Read(ref _waiting) == 0 && bucket.Snapshot().Tokens >= bucket.Options.Burst) return clock.GetElapsedTime(Volatile.Read(ref _askedAt));
            return null;
        }
    }

    /// <inheritdoc/>
    public override RateLimiterStatistics GetStatistics()
    {
        var snapshot = bucket.Snapshot();
        return new RateLimiterStatistics
        {
            CurrentAvailablePermits = Math.Max(0, (long)snapshot.Tokens),
            CurrentQueuedCount = Volatile.Read(ref _waiting),
            TotalSuccessfulLeases = snapshot.Admitted,
            TotalFailedLeases = snapshot.Refused,
        };
    }

    /// <inheritdoc/>
    protected override RateLimitLease AttemptAcquireCore(int permitCount) => Lease.Of(Asked(bucket.TryTake(permitCount)));

    /// <inheritdoc/>
    protected override async ValueTask<RateLimitLease> AcquireAsyncCore(int permitCount, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            return Lease.Of(Asked(await bucket.TakeAsync(permitCount, maxWait, cancellationToken)));
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private RateDecision Asked(RateDecision decision)
    {
        Volatile.Write(ref _askedAt, clock.GetTimestamp());
        return decision;
    }

    private sealed class Lease(bool isAcquired, TimeSpan? retryAfter) : RateLimitLease
    {
        private static readonly Lease s_acquired = new(true, null);

        public override bool IsAcquired => isAcquired;

        public override IEnumerable<string> MetadataNames => retryAfter is null ? [] : [MetadataName.RetryAfter.Name];

        public static Lease Of(RateDecision decision) =>
            decision.IsAdmitted ? s_acquired : new Lease(false, decision.RetryAfter == TimeSpan.MaxValue ? null : decision.RetryAfter);

        public override bool TryGetMetadata(string metadataName, out object? metadata)
        {
            metadata = metadataName == MetadataName.RetryAfter.Name ? retryAfter : null;
            return metadata is not null;
        }
    }
}
