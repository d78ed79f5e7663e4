using FeedMall.Bff.Protection;
using FeedMall.Resilience;

namespace FeedMall.Bff.Edge;

/// <summary>Lets a request in when there is room for its work; else 503, before its body is read.</summary>
internal sealed class AdmissionEdge(RequestDelegate next, Admission admission, Decisions decisions)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (!admission.IsEnabled || RoutePolicy.Of(context) is null)
        {
            await next(context);
            return;
        }
        var request = RequestContext.Of(context);
        using var permit = await admission.EnterAsync(request.Criticality, request.Client, request.Remaining, request.Cancelled);
        if (!permit.IsAdmitted)
        {
            await decisions.RefuseAsync(context, Mechanisms.Admission, permit.Reason);
            return;
        }
        if (permit.Reason != Reason.None) decisions.Tell(context, Mechanisms.Admission, permit.Reason.Text(), Effect.DryRun);
        await next(context);
        // What ends with an exception goes without a verdict: only what was done says how fast the service can be.
        permit.Complete(StatusOutcomes.OfHttp(context.Response.StatusCode));
    }
}
