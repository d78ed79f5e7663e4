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
    public const string Deadline = "deadline";
}
