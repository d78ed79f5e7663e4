using FeedMall.Bff.Answers;
using FeedMall.Resilience.Queueing;

namespace FeedMall.Bff.Protection;

/// <summary>
/// Stands on every route that is protected, with what is right for it when no setting says otherwise. Routes without it (health, pages for people, Swagger)
/// are let through: who looks what is wrong must get an answer.
/// </summary>
internal sealed record RoutePolicy
{
    /// <summary>How much it hurts when it is refused.</summary>
    public Criticality Criticality { get; init; } = Criticality.Critical;

    /// <summary>The time of a request; null: Bff:RequestTimeout.</summary>
    public Func<BffOptions, TimeSpan>? Timeout { get; init; }

    /// <summary>Requests per second of one client; 0: as the settings say for all routes.</summary>
    public double ClientRate { get; init; }

    /// <summary>Of these, how many at once.</summary>
    public double ClientBurst { get; init; } = 1;

    /// <summary>The domain services that it cannot do without.</summary>
    public IReadOnlyList<string> Dependencies { get; init; } = [];

    /// <summary>The policy of the request's route, or null where nothing is protected.</summary>
    public static RoutePolicy? Of(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<RoutePolicy>();

    /// <summary>The name of the request's route, as in Swagger; "none" where there is none.</summary>
    public static string NameOf(HttpContext context) => NameOf(context.GetEndpoint());

    /// <summary>The name of a route; "none" where there is none.</summary>
    public static string NameOf(Endpoint? route) => route?.Metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName ?? "none";
}

/// <summary>How routes say it.</summary>
internal static class RoutePolicyExtensions
{
    /// <summary>Protects a route, or all of a group; what stands on the route itself wins.</summary>
    public static TBuilder Protect<TBuilder>(this TBuilder builder, RoutePolicy? policy = null) where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(policy ?? new RoutePolicy()).CanFail(StatusCodes.Status429TooManyRequests, StatusCodes.Status503ServiceUnavailable, StatusCodes.Status504GatewayTimeout);
}
