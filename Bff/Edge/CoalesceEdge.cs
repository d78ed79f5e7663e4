using FeedMall.Bff.Caching;
using FeedMall.Resilience.Caching;

namespace FeedMall.Bff.Edge;

/// <summary>Of all who wait for the same missing answer, one request goes on; no caller's own, so that none of them can end it for the others.</summary>
internal sealed class CoalesceEdge(RequestDelegate next, AnswerStore store, AnswerFetcher fetcher)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (store.Current is not { } lookup)
        {
            await next(context);
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
        await answer.SendAsync(context, RequestContext.Of(context).CallerGone);
    }
}
