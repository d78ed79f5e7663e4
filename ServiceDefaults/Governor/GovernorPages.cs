using FeedMall.Rpc.Errors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FeedMall.ServiceDefaults.Governor;

/// <summary>Pages that a service adds to its governor: register one in the container.</summary>
/// <param name="Help">A line for each page: path and what it is.</param>
/// <param name="Map">Maps them.</param>
public sealed record GovernorPages(string Help, Action<IEndpointRouteBuilder> Map);

/// <summary>What makes a service's governor its own.</summary>
internal sealed record GovernorParts(IEnumerable<GovernorPages> Pages, GovernorKey Key);

/// <summary>How pages that change something are guarded.</summary>
public static class GovernorGuard
{
    /// <summary>The header with the key.</summary>
    public const string KeyHeader = "X-Api-Key";

    /// <summary>Only for who knows the governor's key; else 401.</summary>
    public static RouteHandlerBuilder RequireGovernorKey(this RouteHandlerBuilder route, GovernorKey key) => route.AddEndpointFilter(async (context, next) =>
    {
        var request = context.HttpContext.Request;
        if (key.Matches(request.Headers[KeyHeader].ToString())) return await next(context);
        key.LogRefused(request.Method, request.Path, context.HttpContext.Connection.RemoteIpAddress);
        return Results.Json(new { reason = Reasons.Unauthenticated, message = $"This needs the header '{KeyHeader}: …' with the key from {key.Whereabouts}." },
            statusCode: StatusCodes.Status401Unauthorized);
    });
}
