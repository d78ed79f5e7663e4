using FeedMall.Bff.Caching;
using FeedMall.Bff.Protection;
using FeedMall.Resilience;
using FeedMall.Resilience.Caching;
using Grpc.Core;

namespace FeedMall.Bff.Edge;

/// <summary>
/// Of all who wait for the same missing answer, one request goes on; no caller's own, so that none of them can end it for the others. When it fails for want of
/// a service, of time or of room, all get the last good answer, if there is one that is not much too old.
/// </summary>
internal sealed class CoalesceEdge(RequestDelegate next, AnswerStore store, AnswerFetcher fetcher, Admission admission, Decisions decisions)
{
    public const string DegradedHeader = "X-FeedMall-Degraded";

    public async Task InvokeAsync(HttpContext context)
    {
        if (store.Current is not { } lookup)
        {
            await next(context);
            return;
        }
        if (!fetcher.IsMaking(lookup) && Knock(context) is not Reason.None and var refusal)
        {
            // A refusal is to cost little: nothing is begun for it.
            await (lookup.TooOld is null ? decisions.RefuseAsync(context, Mechanisms.Admission, refusal) : SendTooOldAsync(context, lookup, refusal.Text()));
            return;
        }
        FetchedAnswer answer;
        try
        {
            answer = await fetcher.FetchAsync(context, lookup);
        }
        catch (TooManyFlightsException)
        {
            await next(context);
            return;
        }
        catch (Exception failure) when (lookup.TooOld is not null && FindReason(failure) is { } reason)
        {
            await SendTooOldAsync(context, lookup, reason);
            return;
        }
        catch (TimeoutException tooLate)
        {
            throw new OperationCanceledException("The answer was not made in time.", tooLate);
        }
        if (answer.Status >= StatusCodes.Status500InternalServerError && lookup.TooOld is not null) await SendTooOldAsync(context, lookup, RefusalReasons.Overloaded);
        else await answer.SendAsync(context, RequestContext.Of(context).CallerGone);
    }

    private Reason Knock(HttpContext context)
    {
        var request = RequestContext.Of(context);
        return RoutePolicy.Of(context) is null ? Reason.None : admission.Knock(request.Criticality, request.Client, request.Remaining);
    }

    private Task SendTooOldAsync(HttpContext context, AnswerLookup lookup, string reason)
    {
        decisions.Tell(context, Mechanisms.Cache, reason, Effect.Stale);
        context.Response.Headers[DegradedHeader] = $"{RoutePolicy.NameOf(context)}; reason={reason}";
        return fetcher.SendTooOldAsync(context, lookup);
    }

    // What an old answer may stand in for; null: a refusal by the business, which is itself the answer.
    private static string? FindReason(Exception failure) => failure switch
    {
        RpcException { StatusCode: StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted or StatusCode.Internal or StatusCode.Unknown or StatusCode.DataLoss } error
            => Failures.Of(error).Reason,
        OperationCanceledException or TimeoutException => RefusalReasons.DeadlineExceeded,
        _ => null,
    };
}
