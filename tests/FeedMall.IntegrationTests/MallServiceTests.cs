using System.Globalization;
using FeedMall.Proto.Mall.V1;
using FeedMall.Rpc.Client;
using FeedMall.Rpc.Errors;
using FeedMall.ServiceDefaults;
using FeedMall.Testing;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.IntegrationTests;

/// <summary>Domain.Mall as another service calls it.</summary>
public sealed class MallServiceTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(null)]
    [InlineData(CacheServer.KvStore)]
    [InlineData(CacheServer.Redis)]
    [InlineData(CacheServer.Lost)]
    public async Task Products_read_the_same_with_any_cache_and_without_one(string? cache)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var store = cache is null or CacheServer.Lost ? null : await CacheServer.StartAsync(cache);
        await using var host = await FeedMallHost.StartAsync(folder.Path, $"--Mall:Cache:Enabled={cache is not null}",
            $"--Mall:Cache:Addresses=127.0.0.1:{store?.Port ?? 1}", "--Mall:Cache:OperationTimeout=00:00:05");
        await using var clients = Connect(host.MallAddress);
        var products = clients.GetRequiredService<Products.ProductsClient>();
        var shop = (await clients.GetRequiredService<Shops.ShopsClient>().CreateShopAsync(new CreateShopRequest { Name = "a" }, As(1, cancel))).Shop.Id;
        var price = new Money { MinorUnits = 500, Currency = "EUR" };
        var product = (await products.CreateProductAsync(new CreateProductRequest { ShopId = shop, Title = "t1", Price = price }, As(1, cancel))).Product;
        for (var version = 1; version <= 20; version++)
        {
            // Twice, as the second time may come from the cache.
            for (var i = 0; i < 2; i++)
            {
                Assert.Equal(product, (await products.GetProductAsync(new GetProductRequest { Id = product.Id }, cancellationToken: cancel)).Product);
                await RefusedAsync("MALL_PRODUCT_NOT_FOUND", null, () => products.GetProductAsync(new GetProductRequest { Id = 5 }, cancellationToken: cancel));
            }
            var change = new UpdateProductRequest
            {
                Id = product.Id, Version = version, Changes = new ProductChanges { Title = $"t{version + 1}" }, UpdateMask = new FieldMask { Paths = { "title" } },
            };
            product = (await products.UpdateProductAsync(change, As(1, cancel))).Product;
            Assert.Equal(($"t{version + 1}", version + 1), (product.Title, product.Version));
            var conflict = await RefusedAsync("MALL_VERSION_CONFLICT", "version", () => products.UpdateProductAsync(change, As(1, cancel)));
            Assert.Equal($"{version + 1}", conflict.Metadata["version"]);
        }
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Owners_states_versions_and_fields_are_checked_whoever_calls()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        await using var clients = Connect(host.MallAddress);
        var shops = clients.GetRequiredService<Shops.ShopsClient>();
        var products = clients.GetRequiredService<Products.ProductsClient>();
        var collections = clients.GetRequiredService<Collections.CollectionsClient>();
        var (ada, ben, nobody) = (As(1, cancel), As(2, cancel), new CallOptions(cancellationToken: cancel));
        var price = new Money { MinorUnits = 500, Currency = "EUR" };
        var shop = (await shops.CreateShopAsync(new CreateShopRequest { Name = "a" }, ada)).Shop.Id;
        var otherShop = (await shops.CreateShopAsync(new CreateShopRequest { Name = "b" }, ben)).Shop.Id;
        var product = (await products.CreateProductAsync(new CreateProductRequest { ShopId = shop, Title = "a", Price = price }, ada)).Product;
        var otherProduct = (await products.CreateProductAsync(new CreateProductRequest { ShopId = otherShop, Title = "b", Price = price }, ben)).Product;
        NewSku Sku(long productId, long stock = 1, Money? of = null) => new() { ProductId = productId, Name = "a", Price = of ?? price, Stock = stock };
        CreateCollectionRequest Collection(params NewSku[] skus) => new() { ShopId = shop, Title = "a", Skus = { skus } };
        UpdateProductRequest Update(long version, string path) =>
            new() { Id = product.Id, Version = version, Changes = new ProductChanges { Title = "c" }, UpdateMask = new FieldMask { Paths = { path } } };

        await RefusedAsync("UNAUTHENTICATED", null, () => shops.CreateShopAsync(new CreateShopRequest { Name = "a" }, nobody));
        await RefusedAsync("VALIDATION_FAILED", "name", () => shops.CreateShopAsync(new CreateShopRequest { Name = " " }, ada));
        await RefusedAsync("MALL_SHOP_NOT_FOUND", null, () => shops.GetShopAsync(new GetShopRequest { Id = 5 }, nobody));
        await RefusedAsync("MALL_SHOP_NOT_OWNER", null, () =>
            products.CreateProductAsync(new CreateProductRequest { ShopId = shop, Title = "a", Price = price }, ben));
        await RefusedAsync("VALIDATION_FAILED", "price", () => products.CreateProductAsync(new CreateProductRequest { ShopId = shop, Title = "a" }, ada));
        await RefusedAsync("VALIDATION_FAILED", "price.amount", () => products.CreateProductAsync(
            new CreateProductRequest { ShopId = shop, Title = "a", Price = new Money { MinorUnits = long.MaxValue, Currency = "EUR" } }, ada));
        await RefusedAsync("MALL_SHOP_NOT_OWNER", null, () => products.UpdateProductAsync(Update(1, "title"), ben));
        await RefusedAsync("VALIDATION_FAILED", "updateMask", () => products.UpdateProductAsync(Update(1, "shop_id"), ada));
        Assert.Equal("c", (await products.UpdateProductAsync(Update(1, "title"), ada)).Product.Title);
        var conflict = await RefusedAsync("MALL_VERSION_CONFLICT", "version", () => products.UpdateProductAsync(Update(1, "title"), ada));
        Assert.Equal("2", conflict.Metadata["version"]);

        await RefusedAsync("VALIDATION_FAILED", "skus", () => collections.CreateCollectionAsync(Collection(), ada));
        await RefusedAsync("VALIDATION_FAILED", "skus[0].stock", () => collections.CreateCollectionAsync(Collection(Sku(product.Id, -1)), ada));
        await RefusedAsync("VALIDATION_FAILED", "skus", () =>
            collections.CreateCollectionAsync(Collection(Sku(product.Id), Sku(product.Id, of: new Money { Currency = "USD" })), ada));
        await RefusedAsync("MALL_PRODUCT_NOT_IN_SHOP", null, () => collections.CreateCollectionAsync(Collection(Sku(otherProduct.Id)), ada));
        var collection = (await collections.CreateCollectionAsync(Collection(Sku(product.Id)), ada)).Collection.Id;

        await AssertDraftsAreTheirOwnersAsync(collections, collection, cancel);
        host.Logs.AssertNoErrors();
    }

    private static async Task AssertDraftsAreTheirOwnersAsync(Collections.CollectionsClient collections, long collection, CancellationToken cancel)
    {
        var (ada, ben, nobody) = (As(1, cancel), As(2, cancel), new CallOptions(cancellationToken: cancel));
        await RefusedAsync("MALL_COLLECTION_NOT_FOUND", null, () => collections.GetCollectionAsync(new GetCollectionRequest { Id = collection }, nobody));
        await RefusedAsync("MALL_COLLECTION_NOT_FOUND", null, () => collections.GetCollectionAsync(new GetCollectionRequest { Id = collection }, ben));
        Assert.Equal(CollectionState.Draft, (await collections.GetCollectionAsync(new GetCollectionRequest { Id = collection }, ada)).Collection.State);
        SetCollectionStateRequest Move(CollectionState state) => new() { Id = collection, State = state };
        await RefusedAsync("MALL_SHOP_NOT_OWNER", null, () => collections.SetCollectionStateAsync(Move(CollectionState.Published), ben));
        await RefusedAsync("MALL_COLLECTION_STATE", null, () => collections.SetCollectionStateAsync(Move((CollectionState)9), ada));
        Assert.Equal(2, (await collections.SetCollectionStateAsync(Move(CollectionState.Published), ada)).Collection.Version);
        Assert.Equal(500, (await collections.GetCollectionCardAsync(new GetCollectionCardRequest { Id = collection }, nobody)).Card.PriceFrom.MinorUnits);
        await collections.SetCollectionStateAsync(Move(CollectionState.Deleted), ada);
        await RefusedAsync("MALL_COLLECTION_NOT_FOUND", null, () => collections.GetCollectionAsync(new GetCollectionRequest { Id = collection }, ada));
    }

    [Fact]
    public async Task An_owner_who_publishes_and_withdraws_at_the_same_time_is_never_told_that_this_is_not_allowed()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        await using var clients = Connect(host.MallAddress);
        var ada = As(1, cancel);
        var price = new Money { MinorUnits = 500, Currency = "EUR" };
        var shop = (await clients.GetRequiredService<Shops.ShopsClient>().CreateShopAsync(new CreateShopRequest { Name = "a" }, ada)).Shop.Id;
        var product = (await clients.GetRequiredService<Products.ProductsClient>().CreateProductAsync(
            new CreateProductRequest { ShopId = shop, Title = "a", Price = price }, ada)).Product.Id;
        var collections = clients.GetRequiredService<Collections.CollectionsClient>();
        var sku = new NewSku { ProductId = product, Name = "a", Price = price, Stock = 1 };
        var id = (await collections.CreateCollectionAsync(new CreateCollectionRequest { ShopId = shop, Title = "a", Skus = { sku } }, ada)).Collection.Id;

        var moved = await Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
        {
            var to = i % 2 == 0 ? CollectionState.Published : CollectionState.Draft;
            var answer = (await collections.SetCollectionStateAsync(new SetCollectionStateRequest { Id = id, State = to }, ada)).Collection;
            Assert.Equal(to, answer.State);
            return answer.Version;
        }));
        Assert.Equal(moved.Max(), (await collections.GetCollectionAsync(new GetCollectionRequest { Id = id }, ada)).Collection.Version);
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Cards_come_in_the_order_asked_for_and_everything_is_there_after_a_restart()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        var ada = As(1, cancel);
        var ids = new List<long>();
        await using (var host = await FeedMallHost.StartAsync(folder.Path))
        {
            await using var clients = Connect(host.MallAddress);
            var shop = (await clients.GetRequiredService<Shops.ShopsClient>().CreateShopAsync(new CreateShopRequest { Name = "'; --" }, ada)).Shop.Id;
            var price = new Money { MinorUnits = 500, Currency = "EUR" };
            var product = (await clients.GetRequiredService<Products.ProductsClient>().CreateProductAsync(
                new CreateProductRequest { ShopId = shop, Title = "a", Price = price }, ada)).Product.Id;
            var collections = clients.GetRequiredService<Collections.CollectionsClient>();
            await RefusedAsync("VALIDATION_FAILED", "title", () => collections.CreateCollectionAsync(
                new CreateCollectionRequest { ShopId = shop, Title = "a\0", Skus = { new NewSku { ProductId = product, Name = "a", Price = price } } }, ada));
            foreach (var title in new[] { "one", "two", "three" })
            {
                var sku = new NewSku { ProductId = product, Name = "a", Price = price, Stock = 1 };
                ids.Add((await collections.CreateCollectionAsync(new CreateCollectionRequest { ShopId = shop, Title = title, Skus = { sku } }, ada)).Collection.Id);
                await collections.SetCollectionStateAsync(new SetCollectionStateRequest { Id = ids[^1], State = CollectionState.Published }, ada);
            }
            host.Logs.AssertNoErrors();
        }

        await using var again = await FeedMallHost.StartAsync(folder.Path);
        await using var later = Connect(again.MallAddress);
        var cards = await later.GetRequiredService<Collections.CollectionsClient>().BatchGetCollectionCardsAsync(
            new BatchGetCollectionCardsRequest { Ids = { ids[1], 7, ids[2], ids[0] } }, cancellationToken: cancel);
        Assert.Equal(["two", "three", "one"], cards.Cards.Select(card => card.Title));
        Assert.All(cards.Cards, card => Assert.Equal("'; --", card.ShopName));
        Assert.True((await later.GetRequiredService<Shops.ShopsClient>().CreateShopAsync(new CreateShopRequest { Name = "b" }, ada)).Shop.Id > ids.Max());
        again.Logs.AssertNoErrors();
    }

    private static async Task<Google.Rpc.ErrorInfo> RefusedAsync<T>(string reason, string? field, Func<AsyncUnaryCall<T>> call)
    {
        var info = (await Assert.ThrowsAsync<RpcException>(async () => await call())).FindErrorInfo()!;
        Assert.Equal(reason, info.Reason);
        if (field is not null) Assert.Contains(field, info.Metadata.Keys);
        return info;
    }

    private static CallOptions As(long uid, CancellationToken cancel) =>
        new(new Metadata { { Caller.UidKey, uid.ToString(CultureInfo.InvariantCulture) } }, cancellationToken: cancel);

    private static ServiceProvider Connect(Uri address)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddGrpcClient<Shops.ShopsClient>((_, options) => (options.Addresses, options.DefaultTimeout, options.ConnectTimeout) = ([address], s_patience, s_patience));
        services.AddGrpcClient<Products.ProductsClient>((_, options) => (options.Addresses, options.DefaultTimeout, options.ConnectTimeout) = ([address], s_patience, s_patience));
        services.AddGrpcClient<Collections.CollectionsClient>((_, options) => (options.Addresses, options.DefaultTimeout, options.ConnectTimeout) = ([address], s_patience, s_patience));
        return services.BuildServiceProvider();
    }
}
