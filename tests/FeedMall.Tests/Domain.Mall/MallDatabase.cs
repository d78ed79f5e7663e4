using FeedMall.Domain.Mall;
using FeedMall.Domain.Mall.Collections;
using FeedMall.Domain.Mall.Products;
using FeedMall.Domain.Mall.Shops;
using FeedMall.Proto.Mall.V1;
using FeedMall.ServiceDefaults.Database;
using FeedMall.ServiceDefaults.Ids;
using FeedMall.Testing;

namespace FeedMall.Tests.Domain.Mall;

/// <summary>An empty mall database of either kind, with its stores: the same tests run on both.</summary>
internal sealed class MallDatabase : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ServiceDatabase _database;

    private MallDatabase(string database)
    {
        _database = ServiceDatabase.Open(database, _folder.Path);
        Shops = new ShopStore(_database);
        Products = new ProductStore(_database);
        Collections = new CollectionStore(_database);
    }

    public ShopStore Shops { get; }

    public ProductStore Products { get; }

    public CollectionStore Collections { get; }

    public LocalIdSource Ids { get; } = new(2, TimeProvider.System);

    public static async Task<MallDatabase> CreateAsync(string kind, PostgresServer postgres, CancellationToken cancel)
    {
        var mall = new MallDatabase(kind == "SQLite" ? "mall.db" : await postgres.CreateDatabaseAsync(cancel));
        await Migrator.MigrateAsync(mall._database, typeof(MallApp).Assembly, TimeProvider.System, cancel);
        return mall;
    }

    public async Task<long> AddShopAsync(CancellationToken cancel, string name = "shop")
    {
        var shop = new ShopRow(Ids.Next(), 7, name, "", "", 1, 1);
        await Shops.AddAsync(shop, cancel);
        return shop.Id;
    }

    public async Task<ProductRow> AddProductAsync(long shopId, CancellationToken cancel)
    {
        var product = new ProductRow(Ids.Next(), shopId, "title", "", 100, "EUR", "{}", 1, 1, 1);
        await Products.AddAsync(product, cancel);
        return product;
    }

    public async Task<long> AddCollectionAsync(long shopId, long productId, CancellationToken cancel, CollectionState state = CollectionState.Published)
    {
        var id = Ids.Next();
        var skus = new[] { 300L, 100L, 200L }.Select(price => new SkuRow(Ids.Next(), id, productId, $"at {price}", price, "EUR", 5)).ToArray();
        await Collections.AddAsync(new CollectionRow(id, shopId, "title", "", "", (long)state, 100, "EUR", 3, 1, 1, 1, "", 0), skus, cancel);
        return id;
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _folder.Dispose();
    }
}
