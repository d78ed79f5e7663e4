using System.Globalization;
using FeedMall.Bff.Protection;
using FeedMall.Resilience;

namespace FeedMall.Bff.Edge;

/// <summary>
/// Who comes too often gets 429 with the time when it makes sense to come back. Every answer says how much is left (RateLimit and RateLimit-Policy, the fields of
/// the IETF's draft "RateLimit header fields for HTTP").
/// </summary>
internal sealed class RateLimitEdge(RequestDelegate next, RateLimits limits, Decisions decisions)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (!limits.IsEnabled || RoutePolicy.Of(context) is not { } policy) return next(context);
        var request = RequestContext.Of(context);
        var (decision, limit, left) = limits.TryTake(RoutePolicy.NameOf(context), policy, request.Client);
        if (limit is not null)
        {
            // q: that many at once; w: in so many seconds they come back; r: so many are left; t: so many seconds until one more.
            var window = (long)Math.Max(1, Math.Ceiling(limit.Burst / limit.Rate));
            var wait = decision.IsAdmitted ? 0 : (long)Math.Ceiling(Math.Min(decision.RetryAfter.TotalSeconds, window));
            context.Response.Headers["RateLimit-Policy"] = string.Create(CultureInfo.InvariantCulture, $"\"client\";q={(long)limit.Burst};w={window}");
            context.Response.Headers["RateLimit"] = string.Create(CultureInfo.InvariantCulture, $"\"client\";r={(long)Math.Max(0, left)};t={wait}");
        }
        if (!decision.IsAdmitted) return decisions.RefuseAsync(context, Mechanisms.RateLimit, decision.Reason, decision.RetryAfter);
        if (decision.Reason != Reason.None) decisions.Tell(context, Mechanisms.RateLimit, decision.Reason.Text(), Effect.DryRun);
        return next(context);
    }
}
