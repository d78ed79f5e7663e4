using System.Collections.Frozen;
using FeedMall.Bff.Pages;
using FeedMall.Bff.Protection;
using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using FeedMall.Rpc;
using FeedMall.Rpc.Client;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff;

/// <summary>The domain services that the edge calls.</summary>
internal static class DomainClients
{
    // No request lasts longer, so no call does; each request's own deadline is shorter.
    private static readonly TimeSpan LongestCall = TimeSpan.FromSeconds(10);

    private static readonly FrozenDictionary<string, string> s_headers = new Dictionary<string, string> { [MetadataKeys.App] = "bff" }.ToFrozenDictionary();

    public static void AddDomainClients(this IServiceCollection services)
    {
        Add<Users.UsersClient>(services, "feed");
        Add<Posts.PostsClient>(services, "feed");
        Add<Likes.LikesClient>(services, "feed");
        Add<Shops.ShopsClient>(services, "mall");
        Add<Products.ProductsClient>(services, "mall");
        Add<Collections.CollectionsClient>(services, "mall");
        AddHealthCheck(services, "feed");
        AddHealthCheck(services, "mall");
    }

    private static void Add<TClient>(IServiceCollection services, string service) where TClient : ClientBase<TClient> =>
        services.AddGrpcClient<TClient>((provider, options) => Configure(provider, options, service));

    // Both services answer the same health contract, so the container cannot tell their clients apart by type.
    private static void AddHealthCheck(IServiceCollection services, string service) =>
        services.AddGrpcChannels().AddHealthChecks().Add(new HealthCheckRegistration(
            service,
            provider =>
            {
                var options = new GrpcClientOptions();
                Configure(provider, options, service);
                return new DomainHealthCheck(
                    new Health.HealthClient(provider.GetRequiredService<RpcChannels>().Get(options)), provider.GetRequiredService<TimeProvider>());
            },
            HealthStatus.Unhealthy,
            tags: null));

    private static void Configure(IServiceProvider provider, GrpcClientOptions options, string service)
    {
        var settings = provider.GetRequiredService<IOptions<BffOptions>>().Value;
        (options.Addresses, options.GutterAddresses) = service == "feed"
            ? (BffOptions.Split(settings.FeedAddresses), BffOptions.Split(settings.FeedGutterAddresses))
            : (BffOptions.Split(settings.MallAddresses), BffOptions.Split(settings.MallGutterAddresses));
        var dependencies = provider.GetRequiredService<Dependencies>();
        (options.FindBulkhead, options.FindBreaker, options.FindGutter) = (dependencies.BulkheadOf(service), dependencies.FindBreaker, dependencies.GutterOf(service));
        options.WaitForPlace = provider.GetRequiredService<CallLimits>().EnterAsync;
        (options.FindTimeout, options.Retry) = (dependencies.TimeoutOf(service), dependencies.Retry);
        options.OnTurn = provider.GetRequiredService<Decisions>().Tell;
        options.DefaultTimeout = LongestCall;
        options.Headers = s_headers;
    }
}
