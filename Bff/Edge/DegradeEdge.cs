using FeedMall.Bff.Degradation;
using FeedMall.Bff.Protection;
using FeedMall.Resilience;

namespace FeedMall.Bff.Edge;

/// <summary>Turns back what is taken out by its switch, and says of answers what they lack. What is answered in place of a failure is found at <see cref="ErrorEdge"/>.</summary>
internal sealed class DegradeEdge(RequestDelegate next, Fallbacks fallbacks, Decisions decisions)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (RoutePolicy.Of(context) is null) return next(context);
        RequestContext.Of(context).MayFallBack = true;
        if (fallbacks.IsForced(context)) return decisions.RefuseAsync(context, Mechanisms.Degrade, Reason.Degraded);
        context.Response.OnStarting(static state =>
        {
            var (fallbacks, context) = ((Fallbacks, HttpContext))state;
            fallbacks.TellMissing(context);
            return Task.CompletedTask;
        }, (fallbacks, context));
        return next(context);
    }
}
