using FeedMall.Resilience;

namespace FeedMall.Bff.Protection;

/// <summary>The names of the protections, as they stand in the header X-FeedMall-Decision, in metrics and at the governor.</summary>
internal static class Mechanisms
{
    public const string Admission = "admission";
    public const string RateLimit = "rate_limit";
    public const string Quota = "quota";
    public const string Cache = "cache";
    public const string Breaker = "breaker";
    public const string Bulkhead = "bulkhead";
    public const string CallLimit = "call_limit";
    public const string Deadline = "deadline";
    public const string Degrade = "degrade";
    public const string Retry = "retry";

    /// <summary>What decides on the way to a domain service for this reason; null: nothing of ours.</summary>
    public static string? OfRefusal(string reason) => reason switch
    {
        RefusalReasons.CircuitBreakerOpen => Breaker,
        RefusalReasons.BulkheadFull => Bulkhead,
        RefusalReasons.Overloaded or RefusalReasons.QueueTimeout => CallLimit,
        RefusalReasons.DeadlineExceeded or RefusalReasons.DeadlineInsufficient => Deadline,
        RefusalReasons.Degraded => Degrade,
        _ => null,
    };
}
