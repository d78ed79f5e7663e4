namespace FeedMall.Resilience;

/// <summary>Why a mechanism refused: the closed set of this room. (ALGORITHMS §11.1.)</summary>
public enum Reason : byte
{
    /// <summary>It did not refuse.</summary>
    None,

    /// <summary>The token bucket or leaky bucket is empty.</summary>
    RateLimited,

    /// <summary>The share of the quota is used up.</summary>
    QuotaExceeded,

    /// <summary>The adaptive limiter or the hard ceiling is reached.</summary>
    Overloaded,

    /// <summary>The request waited too long in the admission queue, or the queue was full.</summary>
    QueueTimeout,

    /// <summary>The breaker drops calls to a target that fails.</summary>
    CircuitBreakerOpen,

    /// <summary>All places that one dependency may take are taken.</summary>
    BulkheadFull,

    /// <summary>The time is up.</summary>
    DeadlineExceeded,

    /// <summary>Too little time is left to start.</summary>
    DeadlineInsufficient,

    /// <summary>An operator has taken the target out by a switch.</summary>
    Degraded,
}
