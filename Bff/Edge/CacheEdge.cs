using FeedMall.Bff.Caching;
using FeedMall.Bff.Protection;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Edge;

/// <summary>Around output caching: tells it what the request is about. An answer that is not fresh any more is given all the same while a new one is made.</summary>
internal sealed class CacheEdge(RequestDelegate next, AnswerStore store, AnswerFetcher fetcher, Decisions decisions, IOptionsMonitor<ProtectionOptions> options)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (!options.CurrentValue.Cache.Enabled || context.GetEndpoint()?.Metadata.GetMetadata<CacheRule>() is not { } rule)
        {
            await next(context);
            return;
        }
        var lookup = AnswerLookup.Begin(context, rule);
        store.Current = lookup;
        await store.LookUpAsync(lookup);
        if (lookup.Outcome == CacheOutcome.Stale) decisions.Tell(context, Mechanisms.Cache, BffReasons.Revalidating, Effect.Stale);
        await next(context);
        if (lookup.Outcome == CacheOutcome.Stale) fetcher.Renew(context, lookup);
    }
}
