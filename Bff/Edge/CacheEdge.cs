using FeedMall.Bff.Caching;
using FeedMall.Bff.Protection;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace FeedMall.Bff.Edge;

/// <summary>Around output caching: tells it what the request is about. An answer that is not fresh any more is given all the same while a new one is made.</summary>
internal sealed class CacheEdge(RequestDelegate next, AnswerStore store, AnswerFetcher fetcher, Decisions decisions, IOptionsMonitor<ProtectionOptions> options)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var rule = context.GetEndpoint()?.Metadata.GetMetadata<CacheRule>();
        // For caches on the way to the caller.
        if (rule is { PerUser: true }) context.Response.Headers.Append(HeaderNames.Vary, HeaderNames.Authorization);
        if (rule is null || !options.CurrentValue.Cache.Enabled)
        {
            await next(context);
            return;
        }
        // To callers this is the place where answers are made. The framework would take "only-if-cached" at its word, and answer 504.
        context.Request.Headers.CacheControl = default;
        var lookup = AnswerLookup.Begin(context, rule);
        store.Current = lookup;
        await store.LookUpAsync(lookup);
        if (lookup.Outcome == CacheOutcome.Stale) decisions.Tell(context, Mechanisms.Cache, BffReasons.Revalidating, Effect.Stale);
        await next(context);
        if (lookup.Outcome == CacheOutcome.Stale) fetcher.Renew(context, lookup);
    }
}
