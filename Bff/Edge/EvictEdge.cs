using FeedMall.Bff.Caching;

namespace FeedMall.Bff.Edge;

/// <summary>
/// Takes out of use the answers that a write has made wrong: before its own answer goes out, so that who has it sees the change; also when nobody knows whether it
/// took place; not when it was refused. They stay for when no other can be made, unless the write took something away.
/// </summary>
internal sealed class EvictEdge(RequestDelegate next, AnswerStore store)
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
            // Of a caller who has left nobody knows: his write may have been under way.
            if (isDone || context.Response.StatusCode is >= 400 and < 500 and not StatusCodes.Status499ClientClosedRequest) return;
            isDone = true;
            var isVoid = rule.TakesAway && context.Response.StatusCode < 300;
            foreach (var tag in rule.Tags(context)) await (isVoid ? store.EvictByTagAsync(tag, CancellationToken.None) : store.AgeByTagAsync(tag));
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
