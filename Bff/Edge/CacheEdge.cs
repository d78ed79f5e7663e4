using System.Globalization;
using FeedMall.Bff.Caching;
using FeedMall.Bff.Protection;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Edge;

/// <summary>
/// Around output caching: tells it what the request is about, and the caller how it went (Cache-Status, RFC 9211). An answer that is not fresh any more is
/// given all the same while a new one is made.
/// </summary>
internal sealed class CacheEdge(RequestDelegate next, AnswerStore store, AnswerFetcher fetcher, Decisions decisions, IOptionsMonitor<ProtectionOptions> options)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (!options.CurrentValue.Cache.Enabled || context.GetEndpoint()?.Metadata.GetMetadata<CacheRule>() is not { } rule)
        {
            await next(context);
            return;
        }
        var lookup = new AnswerLookup(rule.KeyOf(context), rule.Tags(context), isFill: false);
        store.Current = lookup;
        await store.LookUpAsync(lookup);
        context.Response.OnStarting(static state =>
        {
            var (response, lookup) = ((HttpResponse, AnswerLookup))state;
            response.Headers["Cache-Status"] = lookup.Outcome == CacheOutcome.Miss ? "FeedMall; fwd=miss"
                : string.Create(CultureInfo.InvariantCulture, $"FeedMall; hit; ttl={(long)Math.Floor(lookup.FreshFor.TotalSeconds)}");
            return Task.CompletedTask;
        }, (context.Response, lookup));
        if (lookup.Outcome == CacheOutcome.Stale) decisions.Tell(context, Mechanisms.Cache, BffReasons.Revalidating, Effect.Stale);
        await next(context);
        if (lookup.Outcome == CacheOutcome.Stale) fetcher.Renew(context, lookup);
    }
}
