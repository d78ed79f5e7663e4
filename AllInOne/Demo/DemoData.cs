using System.Globalization;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using FeedMall.ServiceDefaults;
using Grpc.Core;

namespace FeedMall.AllInOne.Demo;

/// <summary>
/// Fills an empty system through the services' own gRPC methods. Safe to run again after it was cut off: what is there already is
/// counted and skipped, so nothing comes twice.
/// </summary>
/// <param name="services">The clients.</param>
/// <param name="report">Receives a line after each step, for people.</param>
internal sealed class DemoData(DemoServices services, Action<string> report)
{
    // Enough to keep two cores busy; password hashing is the slow part.
    private const int Parallelism = 8;
    private const int PageSize = 100;

    /// <summary>Loads everything that is missing.</summary>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        var texts = DemoTexts.Load();
        var users = await LoadUsersAsync(texts, cancellationToken);
        var posts = await LoadPostsAsync(texts, users, cancellationToken);
        var likes = await LoadLikesAsync(posts, users, cancellationToken);
        report($"feed: {users.Length} users, {posts.Length} posts, {likes} likes");
        var (products, collections) = await LoadMallAsync(texts, users, cancellationToken);
        report($"mall: {texts.Shops.Count} shops, {products} products, {collections} collections");
    }

    private async Task<long[]> LoadUsersAsync(DemoTexts texts, CancellationToken cancellationToken)
    {
        var users = new long[texts.Users.Count];
        await ForEachAsync(users.Length, async (i, cancel) =>
        {
            try
            {
                var registered = await services.Users.RegisterAsync(
                    new RegisterRequest { Name = texts.Users[i], Password = texts.Password }, cancellationToken: cancel);
                users[i] = registered.User.Id;
            }
            catch (RpcException taken) when (taken.StatusCode == StatusCode.AlreadyExists)
            {
                var known = await services.Users.LogInAsync(
                    new LogInRequest { Name = texts.Users[i], Password = texts.Password }, cancellationToken: cancel);
                users[i] = known.User.Id;
            }
        }, cancellationToken);
        return users;
    }

    private async Task<long[]> LoadPostsAsync(DemoTexts texts, long[] users, CancellationToken cancellationToken)
    {
        var requests = DemoPosts.Create(texts);
        var ids = new long[requests.Count];
        // Each author's posts come one after the other, so that the ones that are there are always the first ones.
        await ForEachAsync(users.Length, async (author, cancel) =>
        {
            var page = new Page { Limit = PageSize };
            var present = await services.Posts.ListPostsAsync(
                new ListPostsRequest { Uid = users[author], Page = page }, cancellationToken: cancel);
            var known = present.Posts.Select(post => post.Id).Order().ToArray();
            for (int i = author, n = 0; i < requests.Count; i += users.Length, n++)
            {
                ids[i] = n < known.Length
                    ? known[n]
                    : (await services.Posts.CreatePostAsync(requests[i], As(users[author], cancel))).Post.Id;
            }
        }, cancellationToken);
        return ids;
    }

    private async Task<int> LoadLikesAsync(long[] posts, long[] users, CancellationToken cancellationToken)
    {
        var likes = 0;
        await ForEachAsync(posts.Length, async (i, cancel) =>
        {
            var count = DemoPosts.Likes(i, users.Length);
            for (var n = 0; n < count; n++)
                await services.Likes.AddLikeAsync(new AddLikeRequest { PostId = posts[i] }, As(users[(i + n * 5) % users.Length], cancel));
            Interlocked.Add(ref likes, count);
        }, cancellationToken);
        return likes;
    }

    private async Task<(int Products, int Collections)> LoadMallAsync(DemoTexts texts, long[] users, CancellationToken cancellationToken)
    {
        var present = await services.Shops.ListShopsAsync(
            new ListShopsRequest { Page = new Page { Limit = PageSize } }, cancellationToken: cancellationToken);
        int products = 0, collections = 0;
        await ForEachAsync(texts.Shops.Count, async (i, cancel) =>
        {
            var owner = As(users[i], cancel);
            var shopId = present.Shops.FirstOrDefault(shop => shop.Name == texts.Shops[i].Name && shop.OwnerUid == users[i])?.Id
                ?? (await services.Shops.CreateShopAsync(DemoMall.Shop(texts.Shops[i], i), owner)).Shop.Id;
            var stocked = await LoadProductsAsync(texts, i, shopId, owner);
            await LoadCollectionsAsync(texts, i, stocked, owner);
            Interlocked.Add(ref products, stocked.Count);
            Interlocked.Add(ref collections, texts.Collections.Count);
        }, cancellationToken);
        return (products, collections);
    }

    private async Task<IReadOnlyList<Product>> LoadProductsAsync(DemoTexts texts, int shop, long shopId, CallOptions owner)
    {
        var present = await services.Products.ListProductsAsync(
            new ListProductsRequest { ShopId = shopId, Page = new Page { Limit = PageSize } }, owner);
        var products = present.Products.OrderBy(product => product.Id).ToList();
        for (var n = products.Count; n < texts.Shops[shop].Goods.Count; n++)
        {
            var created = await services.Products.CreateProductAsync(DemoMall.Product(texts, texts.Shops[shop], shop, n, shopId), owner);
            products.Add(created.Product);
        }
        return products;
    }

    private async Task LoadCollectionsAsync(DemoTexts texts, int shop, IReadOnlyList<Product> products, CallOptions owner)
    {
        var present = await services.Collections.ListCollectionCardsAsync(
            new ListCollectionCardsRequest { ShopId = products[0].ShopId, Page = new Page { Limit = PageSize } }, owner);
        for (var n = present.Cards.Count; n < texts.Collections.Count; n++)
        {
            var created = await services.Collections.CreateCollectionAsync(
                DemoMall.Collection(texts, texts.Shops[shop], shop, n, products), owner);
            await services.Collections.SetCollectionStateAsync(
                new SetCollectionStateRequest { Id = created.Collection.Id, State = CollectionState.Published }, owner);
        }
    }

    private static CallOptions As(long uid, CancellationToken cancellationToken) =>
        new(new Metadata { { Caller.UidKey, uid.ToString(CultureInfo.InvariantCulture) } }, cancellationToken: cancellationToken);

    private static Task ForEachAsync(int count, Func<int, CancellationToken, Task> act, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(
            Enumerable.Range(0, count),
            new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellationToken },
            async (i, cancel) => await act(i, cancel));
}
