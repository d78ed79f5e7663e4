using FeedMall.Bff.Protection;

namespace FeedMall.Bff.Degradation;

/// <summary>Every switch, how it stands, and what is answered when it acts: for the governor.</summary>
internal sealed class DegradeOverview(EndpointDataSource routes, Switches switches, StandIns standIns)
{
    public object Snapshot() => new
    {
        Dependencies = switches.Dependencies(),
        Routes = routes.Endpoints
            .Where(endpoint => endpoint.Metadata.GetMetadata<RoutePolicy>() is not null)
            .ToDictionary(RoutePolicy.NameOf, endpoint => new
            {
                Switch = switches.OfRoute(RoutePolicy.NameOf(endpoint)).Snapshot(),
                endpoint.Metadata.GetMetadata<RoutePolicy>()!.Dependencies,
                Fallback = FallbackRules.Chain(endpoint.Metadata),
            }),
        StandIns = standIns.Snapshot(),
    };
}
