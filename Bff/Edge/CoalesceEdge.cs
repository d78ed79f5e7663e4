using FeedMall.Bff.Caching;
using FeedMall.Bff.Degradation;
using FeedMall.Bff.Protection;
using FeedMall.Resilience;
using FeedMall.Resilience.Caching;
using FeedMall.Resilience.Queueing;
using FeedMall.Rpc.Errors;
using Grpc.Core;

namespace FeedMall.Bff.Edge;

/// <summary>Of all who wait for the same missing answer, one request goes on; no caller's own, so that none of them can end it for the others.</summary>
internal sealed class CoalesceEdge(RequestDelegate next, AnswerStore store, AnswerFetcher fetcher, Fallbacks fallbacks, Admission admission, Decisions decisions)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var request = RequestContext.Of(context);
        // A page of several services is ready earlier without some of them, and only a request of one's own knows when that must be.
        if (store.Current is not { } lookup || (request.IsHurried && RoutePolicy.Of(context) is { Dependencies.Count: > 1 }))
        {
            await next(context);
            return;
        }
        // It has just failed, and there is a copy.
        if (lookup.TooOld is not null && store.FindFailure(lookup) is { } known && fallbacks.MayAnswer(context, known))
        {
            Decisions.Refuse(context, known);
            return;
        }
        if (!fetcher.IsMaking(lookup) && Knock(context, request) is not Reason.None and var refusal)
        {
            // A refusal is to cost little: nothing is begun for it.
            await decisions.RefuseAsync(context, Mechanisms.Admission, refusal);
            return;
        }
        FetchedAnswer answer;
        try
        {
            answer = await FetchAsync(context, lookup, request.Criticality);
        }
        catch (TooManyFlightsException)
        {
            await next(context);
            return;
        }
        catch (TimeoutException tooLate)
        {
            throw new OperationCanceledException("The answer was not made in time.", tooLate);
        }
        if (answer.Refusal is not null) Decisions.Refuse(context, answer.Refusal);
        else await answer.SendAsync(context);
    }

    // What was turned away because it matters little, here or on the way to a domain service, is asked for again by who matters more.
    private async Task<FetchedAnswer> FetchAsync(HttpContext context, AnswerLookup lookup, Criticality criticality)
    {
        while (true)
        {
            try
            {
                var answer = await fetcher.FetchAsync(context, lookup);
                if (answer.Refusal is null || answer.Criticality <= criticality) return answer;
            }
            catch (RpcException failure) when (AnswerFetcher.CriticalityOf(failure) > criticality && Mechanisms.OfRefusal(failure.FindErrorInfo()?.Reason ?? "") == Mechanisms.CallLimit)
            {
                // Once more.
            }
        }
    }

    private Reason Knock(HttpContext context, RequestContext request) =>
        RoutePolicy.Of(context) is null ? Reason.None : admission.Knock(request.Criticality, request.Client, request.Remaining);
}
