using FeedMall.Bff.Edge;
using FeedMall.Bff.Protection;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace FeedMall.Bff.Caching;

/// <summary>
/// What output caching may do with a request: callers look for an answer, flights (<see cref="AnswerFetcher"/>) store one. Only whole answers of routes that have
/// a <see cref="CacheRule"/>, only 200, none that sets a cookie.
/// </summary>
internal sealed class AnswerPolicy(AnswerStore store, IOptionsMonitor<ProtectionOptions> options) : IOutputCachePolicy
{
    public ValueTask CacheRequestAsync(OutputCacheContext context, CancellationToken cancellation)
    {
        // A flight looks too: another copy of the service may have stored the answer while it waited for its turn.
        var lookup = store.Current;
        (context.EnableOutputCaching, context.AllowCacheLookup, context.AllowCacheStorage, context.AllowLocking) =
            (lookup is not null, lookup is not null, lookup is { IsFill: true }, false);
        if (lookup is null) return ValueTask.CompletedTask;
        // The key is ours. The framework would let requests of one key that come at once share what the first of them finds.
        context.CacheVaryByRules.QueryKeys = StringValues.Empty;
        context.CacheVaryByRules.VaryByValues["request"] = context.HttpContext.TraceIdentifier;
        context.ResponseExpirationTimeSpan = CacheRule.TimeToLiveOf(context.HttpContext, options.CurrentValue);
        return ValueTask.CompletedTask;
    }

    public ValueTask ServeFromCacheAsync(OutputCacheContext context, CancellationToken cancellation) => ValueTask.CompletedTask;

    public ValueTask ServeResponseAsync(OutputCacheContext context, CancellationToken cancellation)
    {
        var response = context.HttpContext.Response;
        if (response.StatusCode != StatusCodes.Status200OK || response.Headers.SetCookie.Count > 0 || RequestContext.Of(context.HttpContext).Missing.Count > 0) context.AllowCacheStorage = false;
        return ValueTask.CompletedTask;
    }
}
