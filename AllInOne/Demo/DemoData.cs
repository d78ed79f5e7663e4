using System.Globalization;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using FeedMall.ServiceDefaults;
using Grpc.Core;

namespace FeedMall.AllInOne.Demo;

/// <summary>
/// Fills an empty system through the services' own gRPC methods, one thing after the other, so that every load gives the same order.
/// Safe to run again after it was cut off: what is there already is skipped, what is half done is completed, so nothing comes twice.
/// </summary>
/// <param name="services">The clients.</param>
/// <param name="drafts">Which collections are half done.</param>
/// <param name="report">Receives a line after each step, for people.</param>
internal sealed class DemoData(DemoServices services, DemoDraftStore drafts, Action<string> report)
{
    private const int PageSize = 100;

    /// <summary>Loads everything that is missing.</summary>
    /// <exception cref="StartException">A name of the demo users belongs to somebody with another password.</exception>
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
        for (var i = 0; i < users.Length; i++) users[i] = await RegisterOrLogInAsync(texts.Users[i], texts.Password, cancellationToken);
        return users;
    }

    private async Task<long> RegisterOrLogInAsync(string name, string password, CancellationToken cancellationToken)
    {
        try
        {
            var registered = await services.Users.RegisterAsync(new RegisterRequest { Name = name, Password = password }, cancellationToken: cancellationToken);
            return registered.User.Id;
        }
        catch (RpcException taken) when (taken.StatusCode == StatusCode.AlreadyExists)
        {
            return await LogInAsync(name, password, cancellationToken);
        }
    }

    private async Task<long> LogInAsync(string name, string password, CancellationToken cancellationToken)
    {
        try
        {
            var known = await services.Users.LogInAsync(new LogInRequest { Name = name, Password = password }, cancellationToken: cancellationToken);
            return known.User.Id;
        }
        catch (RpcException refused) when (refused.StatusCode == StatusCode.Unauthenticated)
        {
            throw new StartException($"The demo user \"{name}\" is there already with another password.", refused);
        }
    }

    private async Task<long[]> LoadPostsAsync(DemoTexts texts, long[] users, CancellationToken cancellationToken)
    {
        var known = new Queue<long>[users.Length];
        for (var author = 0; author < users.Length; author++)
        {
            var present = await services.Posts.ListPostsAsync(
                new ListPostsRequest { Uid = users[author], Page = new Page { Limit = PageSize } }, cancellationToken: cancellationToken);
            known[author] = new Queue<long>(present.Posts.Select(post => post.Id).Order());
        }
        var requests = DemoPosts.Create(texts);
        var ids = new long[requests.Count];
        for (var i = 0; i < ids.Length; i++)
        {
            // Each author's posts come in the same order, so the ones that are there are always the first ones.
            var author = i % users.Length;
            if (!known[author].TryDequeue(out ids[i]))
                ids[i] = (await services.Posts.CreatePostAsync(requests[i], As(users[author], cancellationToken))).Post.Id;
        }
        return ids;
    }

    private async Task<int> LoadLikesAsync(long[] posts, long[] users, CancellationToken cancellationToken)
    {
        var likes = 0;
        for (var i = 0; i < posts.Length; i++)
        {
            var count = DemoPosts.Likes(i, users.Length);
            for (var n = 0; n < count; n++)
                await services.Likes.AddLikeAsync(new AddLikeRequest { PostId = posts[i] }, As(users[(i + n * 5) % users.Length], cancellationToken));
            likes += count;
        }
        return likes;
    }

    private async Task<(int Products, int Collections)> LoadMallAsync(DemoTexts texts, long[] users, CancellationToken cancellationToken)
    {
        var present = await services.Shops.ListShopsAsync(
            new ListShopsRequest { Page = new Page { Limit = PageSize } }, cancellationToken: cancellationToken);
        int products = 0, collections = 0;
        for (var i = 0; i < texts.Shops.Count; i++)
        {
            var owner = As(users[i], cancellationToken);
            var shopId = present.Shops.FirstOrDefault(shop => shop.Name == texts.Shops[i].Name && shop.OwnerUid == users[i])?.Id
                ?? (await services.Shops.CreateShopAsync(DemoMall.Shop(texts.Shops[i], i), owner)).Shop.Id;
            var stocked = await LoadProductsAsync(texts, i, shopId, owner);
            await LoadCollectionsAsync(texts, i, stocked, owner);
            products += stocked.Count;
            collections += texts.Collections.Count;
        }
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
        var published = present.Cards.Select(card => card.Title).ToHashSet();
        var halfDone = (await drafts.ListAsync(products[0].ShopId, owner.CancellationToken)).ToLookup(draft => draft.Title, draft => draft.Id);
        for (var n = 0; n < texts.Collections.Count; n++)
        {
            var request = DemoMall.Collection(texts, texts.Shops[shop], shop, n, products);
            if (published.Contains(request.Title)) continue;
            var id = halfDone[request.Title].FirstOrDefault();
            if (id == 0) id = (await services.Collections.CreateCollectionAsync(request, owner)).Collection.Id;
            await services.Collections.SetCollectionStateAsync(new SetCollectionStateRequest { Id = id, State = CollectionState.Published }, owner);
        }
    }

    private static CallOptions As(long uid, CancellationToken cancellationToken) =>
        new(new Metadata { { Caller.UidKey, uid.ToString(CultureInfo.InvariantCulture) } }, cancellationToken: cancellationToken);
}
