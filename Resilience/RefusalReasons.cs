namespace FeedMall.Resilience;

/// <summary>The texts of <see cref="Reason"/>, as they stand in answers, metrics and logs.</summary>
public static class RefusalReasons
{
    /// <summary>429: more requests than the rate allows.</summary>
    public const string RateLimited = "RATE_LIMITED";

    /// <summary>429: more requests than this caller's share of the quota.</summary>
    public const string QuotaExceeded = "QUOTA_EXCEEDED";

    /// <summary>503: refused at the door to protect what is being worked on.</summary>
    public const string Overloaded = "OVERLOADED";

    /// <summary>503: waited too long for a place.</summary>
    public const string QueueTimeout = "QUEUE_TIMEOUT";

    /// <summary>503: the target has been failing, and this call was not tried.</summary>
    public const string CircuitBreakerOpen = "CIRCUIT_BREAKER_OPEN";

    /// <summary>503: all places for calls to this dependency are taken.</summary>
    public const string BulkheadFull = "BULKHEAD_FULL";

    /// <summary>504: the time was up.</summary>
    public const string DeadlineExceeded = "DEADLINE_EXCEEDED";

    /// <summary>504: too little time was left to start.</summary>
    public const string DeadlineInsufficient = "DEADLINE_INSUFFICIENT";

    /// <summary>503: taken out by a switch.</summary>
    public const string Degraded = "DEGRADED";

    /// <summary>The text of a reason; empty for <see cref="Reason.None"/>.</summary>
    public static string Text(this Reason reason) => reason switch
    {
        Reason.None => "",
        Reason.RateLimited => RateLimited,
        Reason.QuotaExceeded => QuotaExceeded,
        Reason.Overloaded => Overloaded,
        Reason.QueueTimeout => QueueTimeout,
        Reason.CircuitBreakerOpen => CircuitBreakerOpen,
        Reason.BulkheadFull => BulkheadFull,
        Reason.DeadlineExceeded => DeadlineExceeded,
        Reason.DeadlineInsufficient => DeadlineInsufficient,
        Reason.Degraded => Degraded,
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "not a reason"),
    };
}
