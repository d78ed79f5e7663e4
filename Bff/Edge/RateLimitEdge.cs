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
        var (decision, ofClient, limit, left) = limits.TryTake(RoutePolicy.NameOf(context), policy, request.Client);
        if (limit is not null)
        {
            // All that there is at once comes back in so many seconds.
            var window = (long)Math.Max(1, Math.Ceiling(limit.Burst / limit.Rate));
            RateLimitFields.Add(context.Response, "client", limit.Burst, window, left, ofClient);
        }
        if (!decision.IsAdmitted) return decisions.RefuseAsync(context, Mechanisms.RateLimit, decision.Reason, decision.RetryAfter);
        if (decision.Reason != Reason.None) decisions.Tell(context, Mechanisms.RateLimit, decision.Reason.Text(), Effect.DryRun);
        return next(context);
    }
}
