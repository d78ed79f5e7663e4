using System.Globalization;
using System.Security.Claims;
using FeedMall.Rpc.Errors;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;

namespace FeedMall.Bff.Edge;

/// <summary>
/// Who calls. A token that is not valid is refused even where none is needed, so that nobody believes to be logged in; only routes that never ask
/// who calls (AllowAnonymous: log in, health, the pages for people) do not look at it, and whoever has a stale one can get a new one there.
/// What callers claim about themselves in our own headers is not believed: it never leaves the edge.
/// </summary>
internal sealed class IdentityEdge(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        RequestContext.Of(context).Uid = long.TryParse(context.User.FindFirstValue(ClaimTypes.NameIdentifier), NumberStyles.None, CultureInfo.InvariantCulture, out var uid) ? uid : null;
        if (context.Request.Headers.Authorization.Count == 0 || context.User.Identity is { IsAuthenticated: true } || IsForAnyone(context.GetEndpoint()))
            return next(context);
        context.Response.Headers.WWWAuthenticate = "Bearer";
        throw new ServiceException(StatusCode.Unauthenticated, Reasons.Unauthenticated, "The token is not valid or has expired: log in again.");
    }

    // Where no route is, Swagger is, or nothing.
    private static bool IsForAnyone(Endpoint? route) => route is null || route.Metadata.GetMetadata<IAllowAnonymous>() is not null;
}
