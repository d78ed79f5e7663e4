using FeedMall.Bff.Caching;
using Microsoft.AspNetCore.OutputCaching;

namespace FeedMall.Bff.Edge;

/// <summary>
/// Voids the answers that a write has made wrong: before its own answer goes out, so that who has it sees the change; also when nobody knows whether it took
/// place; not when it was refused.
/// </summary>
internal sealed class EvictEdge(RequestDelegate next, IOutputCacheStore store)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<EvictRule>() is not { } rule)
        {
            await next(context);
            return;
        }
        var isDone = false;
        async Task EvictAsync()
        {
            if (isDone || context.Response.StatusCode is >= 400 and < 500) return;
            isDone = true;
            foreach (var tag in rule.Tags(context)) await store.EvictByTagAsync(tag, CancellationToken.None);
        }
        context.Response.OnStarting(EvictAsync);
        try
        {
            await next(context);
        }
        catch (OperationCanceledException)
        {
            // Nobody is left to be answered, but the write may have taken place.
            await EvictAsync();
            throw;
        }
    }
}
