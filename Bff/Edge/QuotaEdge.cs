using FeedMall.Bff.Protection;
using FeedMall.Resilience;

namespace FeedMall.Bff.Edge;

/// <summary>A caller who takes more than his part of what all copies of the service can do gets 429. Decided by what this copy holds of the quota; nobody is asked.</summary>
internal sealed class QuotaEdge(RequestDelegate next, Quotas quotas, Decisions decisions)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (!quotas.Settings.Enabled || RoutePolicy.Of(context) is null) return next(context);
        var caller = quotas.CallerOf(RequestContext.Of(context));
        var decision = caller.Bucket.TryTake();
        // A limit below one request per second is told as one request in so many seconds.
        var window = Math.Max(1, Math.Ceiling(1 / caller.Limit));
        // Left on this copy; each copy speaks for itself.
        RateLimitFields.Add(context.Response, Mechanisms.Quota, caller.Limit * window, (long)window, caller.Bucket.Remaining, decision);
        if (!decision.IsAdmitted) return decisions.RefuseAsync(context, Mechanisms.Quota, decision.Reason, decision.RetryAfter);
        if (decision.Reason != Reason.None) decisions.Tell(context, Mechanisms.Quota, decision.Reason.Text(), Effect.DryRun);
        return next(context);
    }
}
