using System.Security.Cryptography;
using System.Text;

namespace FeedMall.Bff.Caching;

/// <summary>Stands on a route whose answers may be kept: they must be the same for everybody.</summary>
/// <param name="TimeToLive">How long an answer is fresh.</param>
/// <param name="Query">The names of the query's parts that change the answer; all others are ignored.</param>
/// <param name="Tags">What the answer is made of. To evict one of them voids it.</param>
internal sealed record CacheRule(TimeSpan TimeToLive, string[] Query, Func<HttpContext, string[]> Tags)
{
    /// <summary>The key of the answer to a request: path and those parts of the query, in one order, hashed because they may be long.</summary>
    public string KeyOf(HttpContext context)
    {
        var text = new StringBuilder(context.Request.Path.Value);
        foreach (var name in Query)
            if (context.Request.Query.TryGetValue(name, out var values)) text.Append('\0').Append(name).Append('=').AppendJoin('\0', values.ToArray());
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())).AsSpan(0, 16));
    }
}

/// <summary>Stands on a route that changes what answers are made of: these are void when it has succeeded.</summary>
internal sealed record EvictRule(Func<HttpContext, string[]> Tags);

/// <summary>How routes say it.</summary>
internal static class CacheRules
{
    /// <summary>Keeps the answers of a route.</summary>
    public static RouteHandlerBuilder Cache(this RouteHandlerBuilder route, TimeSpan timeToLive, string[] query, Func<HttpContext, string[]> tags) =>
        route.WithMetadata(new CacheRule(timeToLive, query, tags));

    /// <summary>Voids what the route changes.</summary>
    public static RouteHandlerBuilder Evict(this RouteHandlerBuilder route, Func<HttpContext, string[]> tags) => route.WithMetadata(new EvictRule(tags));

    /// <summary>A value of the route, as a part of a tag: bounded, as everybody can send what he likes.</summary>
    public static string Value(this HttpContext context, string name) => context.GetRouteValue(name) is string { Length: <= 20 } text ? text : "";
}
