using FeedMall.Bff.Caching;
using FeedMall.Bff.Degradation;
using FeedMall.Bff.Protection;
using FeedMall.Resilience.Caching;

namespace FeedMall.Bff.Edge;

/// <summary>Of all who wait for the same missing answer, one request goes on; no caller's own, so that none of them can end it for the others.</summary>
internal sealed class CoalesceEdge(RequestDelegate next, AnswerStore store, AnswerFetcher fetcher, Fallbacks fallbacks)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (store.Current is not { } lookup)
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
        catch (TimeoutException tooLate)
        {
            throw new OperationCanceledException("The answer was not made in time.", tooLate);
        }
        if (answer.Refusal is not null) Decisions.Refuse(context, answer.Refusal);
        else await answer.SendAsync(context);
    }
}
