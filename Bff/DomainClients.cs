using System.Collections.Frozen;
using FeedMall.Bff.Pages;
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
        Add<Users.UsersClient>(services, options => options.FeedAddresses);
        Add<Posts.PostsClient>(services, options => options.FeedAddresses);
        Add<Likes.LikesClient>(services, options => options.FeedAddresses);
        Add<Shops.ShopsClient>(services, options => options.MallAddresses);
        Add<Products.ProductsClient>(services, options => options.MallAddresses);
        Add<Collections.CollectionsClient>(services, options => options.MallAddresses);
        AddHealthCheck(services, "feed", options => options.FeedAddresses);
        AddHealthCheck(services, "mall", options => options.MallAddresses);
    }

    private static void Add<TClient>(IServiceCollection services, Func<BffOptions, string> addresses) where TClient : ClientBase<TClient> =>
        services.AddGrpcClient<TClient>((provider, options) => Configure(provider, options, addresses));

    // Both services answer the same health contract, so the container cannot tell their clients apart by type.
    private static void AddHealthCheck(IServiceCollection services, string name, Func<BffOptions, string> addresses) =>
        services.AddGrpcChannels().AddHealthChecks().Add(new HealthCheckRegistration(
            name,
            provider =>
            {
                var options = new GrpcClientOptions();
                Configure(provider, options, addresses);
                return new DomainHealthCheck(
                    new Health.HealthClient(provider.GetRequiredService<RpcChannels>().Get(options)), provider.GetRequiredService<TimeProvider>());
            },
            HealthStatus.Unhealthy,
            tags: null));

    private static void Configure(IServiceProvider provider, GrpcClientOptions options, Func<BffOptions, string> addresses)
    {
        options.Addresses = BffOptions.Split(addresses(provider.GetRequiredService<IOptions<BffOptions>>().Value));
        options.DefaultTimeout = LongestCall;
        options.Headers = s_headers;
    }
}
