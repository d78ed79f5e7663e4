using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using FeedMall.Rpc.Client;

namespace FeedMall.AllInOne.Demo;

/// <summary>The clients that the demo data is loaded through.</summary>
internal sealed record DemoServices(
    Users.UsersClient Users,
    Posts.PostsClient Posts,
    Likes.LikesClient Likes,
    Shops.ShopsClient Shops,
    Products.ProductsClient Products,
    Collections.CollectionsClient Collections)
{
    // Many calls at once on a machine that has just started: far more than a call needs.
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Clients of the two services; disposing the provider closes their connections.</summary>
    public static ServiceProvider Connect(Uri feed, Uri mall)
    {
        var services = new ServiceCollection();
        services.AddSingleton(TimeProvider.System).AddLogging().AddMetrics();
        void Add<TClient>(Uri address) where TClient : Grpc.Core.ClientBase<TClient> =>
            services.AddGrpcClient<TClient>((_, options) =>
            {
                options.Addresses = [address];
                options.DefaultTimeout = CallTimeout;
            });
        Add<Users.UsersClient>(feed);
        Add<Posts.PostsClient>(feed);
        Add<Likes.LikesClient>(feed);
        Add<Shops.ShopsClient>(mall);
        Add<Products.ProductsClient>(mall);
        Add<Collections.CollectionsClient>(mall);
        services.AddSingleton<DemoServices>();
        return services.BuildServiceProvider();
    }
}
