using System.Globalization;
using FeedMall.Resilience.RateLimiting;

namespace FeedMall.Bff.Edge;

/// <summary>
/// Tells callers what they may do and how much of it is left: RateLimit-Policy and RateLimit, the fields of the IETF's draft "RateLimit header fields for HTTP". Several
/// policies stand in the same fields, each under its name.
/// </summary>
internal static class RateLimitFields
{
    /// <summary>Adds a policy and how it stands.</summary>
    /// <param name="name">Of the policy.</param>
    /// <param name="quota">q: so many at most</param>
    /// <param name="window">w: in so many seconds.</param>
    /// <param name="left">r: so many are left.</param>
    /// <param name="decision">t: so many seconds until one more, after a refusal.</param>
    public static void Add(HttpResponse response, string name, double quota, long window, double left, RateDecision decision)
    {
        var wait = decision.IsAdmitted ? 0 : (long)Math.Ceiling(Math.Min(decision.RetryAfter.TotalSeconds, window));
        Append(response, "RateLimit-Policy", string.Create(CultureInfo.InvariantCulture, $"\"{name}\";q={(long)quota};w={window}"));
        Append(response, "RateLimit", string.Create(CultureInfo.InvariantCulture, $"\"{name}\";r={(long)Math.Max(0, left)};t={wait}"));
    }

    private static void Append(HttpResponse response, string field, string policy)
    {
        var present = response.Headers[field];
        response.Headers[field] = present.Count == 0 ? policy : $"{present}, {policy}";
    }
}
