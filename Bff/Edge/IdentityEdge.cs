using FeedMall.Rpc.Errors;
using Grpc.Core;

namespace FeedMall.Bff.Edge;

/// <summary>
/// Who calls. A token that is not valid is refused even where none is needed, so that nobody believes to be logged in. What callers claim
/// about themselves in our own headers is not believed: it never leaves the edge.
/// </summary>
internal sealed class IdentityEdge(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (context.Request.Headers.Authorization.Count == 0 || context.User.Identity is { IsAuthenticated: true }) return next(context);
        context.Response.Headers.WWWAuthenticate = "Bearer";
        throw new ServiceException(StatusCode.Unauthenticated, Reasons.Unauthenticated, "The token is not valid or has expired: log in again.");
    }
}
