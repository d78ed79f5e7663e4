using FeedMall.Bff.Caching;

namespace FeedMall.Bff.Degradation;

/// <summary>Something that is answered in place of what was asked for.</summary>
/// <param name="Result">The answer; its body says in "degraded" what is not as it was asked for.</param>
/// <param name="Age">How old what it is made of is; null: it is made of nothing.</param>
internal sealed record DefaultAnswer(IResult Result, TimeSpan? Age);

/// <summary>Stands on a route that has something to answer when neither the domain services nor a copy can help.</summary>
/// <param name="Name">What it is, for people.</param>
/// <param name="Find">Makes it, or null when it has nothing that would do for this request.</param>
internal sealed record DefaultRule(string Name, Func<HttpContext, DefaultAnswer?> Find);

/// <summary>Stands on a route that takes place or fails: nothing else may be answered in its place.</summary>
internal sealed record NoFallback;

/// <summary>How routes say what is answered when they cannot. One with <see cref="CacheRules.Cache"/> first looks for its last good answer.</summary>
internal static class FallbackRules
{
    /// <summary>What is answered when there is no copy either.</summary>
    public static RouteHandlerBuilder FallBackOn(this RouteHandlerBuilder route, string name, Func<HttpContext, DefaultAnswer?> find) =>
        route.WithMetadata(new DefaultRule(name, find));

    /// <summary>For writes: who is told that one took place must be able to rely on it.</summary>
    public static TBuilder HasNoFallback<TBuilder>(this TBuilder route) where TBuilder : IEndpointConventionBuilder => route.WithMetadata(new NoFallback());

    /// <summary>The fallbacks of a route, in their order, for people.</summary>
    public static IReadOnlyList<string> Chain(IEnumerable<object> metadata)
    {
        var all = metadata.ToList();
        if (all.OfType<NoFallback>().Any()) return [];
        var chain = new List<string>();
        if (all.OfType<CacheRule>().Any()) chain.Add("the last good answer");
        chain.AddRange(all.OfType<DefaultRule>().TakeLast(1).Select(rule => rule.Name));
        return chain;
    }

    /// <summary>The same as a sentence.</summary>
    public static string Describe(IEnumerable<object> metadata) => Chain(metadata) is { Count: > 0 } chain
        ? $"When it cannot be answered: {string.Join(", else ", chain)}, else the failure; the header {Fallbacks.Header} says so."
        : "It has no fallback: it takes place, or it fails.";
}
