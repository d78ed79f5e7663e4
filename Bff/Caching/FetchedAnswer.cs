using FeedMall.Bff.Edge;
using FeedMall.Bff.Protection;
using FeedMall.Resilience.Queueing;
using Microsoft.Net.Http.Headers;

namespace FeedMall.Bff.Caching;

/// <summary>A whole answer that many callers get.</summary>
/// <param name="Refusal">In place of all else: the request for it was turned away.</param>
/// <param name="Missing">The parts that it lacks.</param>
/// <param name="Criticality">Of the request that was made for it.</param>
/// <param name="Decisions">What protections did on the way; told to those who waited for it, and not kept with it.</param>
internal sealed record FetchedAnswer(
    int Status, IHeaderDictionary Headers, ReadOnlyMemory<byte> Body, Refusal? Refusal, IReadOnlyList<MissingPart> Missing, Criticality Criticality, IReadOnlyList<string> Decisions)
{
    /// <summary>Sends it to one of them, or 304 when he has that version.</summary>
    public async Task SendAsync(HttpContext context)
    {
        var request = RequestContext.Of(context);
        foreach (var part in Missing) request.GoWithout(part);
        foreach (var (name, value) in Headers) context.Response.Headers[name] = value;
        context.Response.StatusCode = Status;
        if (Status == StatusCodes.Status200OK && IsKnown(context))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            context.Response.Headers.ContentLength = null;
            return;
        }
        context.Response.ContentLength = Body.Length;
        await context.Response.Body.WriteAsync(Body, request.CallerGone);
    }

    private bool IsKnown(HttpContext context) =>
        EntityTagHeaderValue.TryParse(Headers.ETag.ToString(), out var tag)
        && context.Request.GetTypedHeaders().IfNoneMatch.Any(known => known.Equals(EntityTagHeaderValue.Any) || known.Compare(tag, useStrongComparison: false));
}
