using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using FeedMall.Bff.Edge;
using FeedMall.Bff.Protection;

namespace FeedMall.Bff.Caching;

/// <summary>Stands on a route whose answers may be kept: they must be the same for everybody, or for each user.</summary>
/// <param name="TimeToLive">How long an answer is fresh.</param>
/// <param name="Query">The names of the query's parts that change the answer; all others are ignored.</param>
/// <param name="Tags">What the answer is made of. To evict one of them voids it.</param>
/// <param name="PerUser">Whether users get answers of their own, and those without a user another one.</param>
internal sealed record CacheRule(TimeSpan TimeToLive, string[] Query, Func<HttpContext, string[]> Tags, bool PerUser)
{
    /// <summary>How long answers to this request are fresh; null where they are not kept.</summary>
    public static TimeSpan? TimeToLiveOf(HttpContext context, ProtectionOptions options) => context.GetEndpoint()?.Metadata.GetMetadata<CacheRule>() is { } rule
        ? options.Routes.GetValueOrDefault(RoutePolicy.NameOf(context))?.CacheTime ?? rule.TimeToLive
        : null;

    /// <summary>The key of the answer to a request: path, user and those parts of the query, in one order, hashed because they may be long.</summary>
    public string KeyOf(HttpContext context)
    {
        var text = new StringBuilder(context.Request.Path.Value);
        if (PerUser && RequestContext.Of(context).Uid is { } uid) text.Append("\0\0").Append(uid.ToString(CultureInfo.InvariantCulture));
        foreach (var name in Query)
        {
            // Escaped, so that no value can look like the next part.
            if (context.Request.Query.TryGetValue(name, out var values)) text.Append('\0').Append(name).Append('=').AppendJoin(',', values.Select(value => Uri.EscapeDataString(value ?? "")));
        }
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())).AsSpan(0, 16));
    }
}

/// <summary>Stands on a route that changes what answers are made of: these are old when it has succeeded, or when nobody knows.</summary>
/// <param name="TakesAway">After it has succeeded they must not be seen any more, not even when there is nothing else to answer.</param>
internal sealed record EvictRule(Func<HttpContext, string[]> Tags, bool TakesAway);

/// <summary>How routes say it.</summary>
internal static class CacheRules
{
    /// <summary>Keeps the answers of a route.</summary>
    public static RouteHandlerBuilder Cache(
        this RouteHandlerBuilder route, TimeSpan timeToLive, string[] query, Func<HttpContext, string[]> tags, bool perUser = false) =>
        route.WithMetadata(new CacheRule(timeToLive, query, tags, perUser));

    /// <summary>Makes old what the route changes; what it takes away is void.</summary>
    public static RouteHandlerBuilder Evict(this RouteHandlerBuilder route, Func<HttpContext, string[]> tags, bool takesAway = false) =>
        route.WithMetadata(new EvictRule(tags, takesAway));

    /// <summary>A value of the route, as a part of a tag: bounded, as everybody can send what he likes.</summary>
    public static string Value(this HttpContext context, string name) => context.GetRouteValue(name) is string { Length: <= 20 } text ? text : "";
}
