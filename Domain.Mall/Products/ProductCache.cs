using FeedMall.Proto.Mall.V1;
using FeedMall.ServiceDefaults.KeyValue;

namespace FeedMall.Domain.Mall.Products;

/// <summary>Products as callers see them, read through the key-value store. For reading only: whoever decides about a price, a stock or a version reads the database.</summary>
internal sealed class ProductCache(ProductStore products, KeyValueStore store)
{
    private const int Schema = 1;
    private readonly StampedCache<Product> _cache = new("product", Schema, Product.Parser, store);

    /// <summary>The product of this id, or null. Do not change it: others have it too.</summary>
    public Task<Product?> FindAsync(long id, CancellationToken cancellationToken) =>
        _cache.FindAsync(id, async loading => (await products.FindAsync(id, loading))?.ToProduct(), cancellationToken);

    /// <summary>Runs a change of the product: every write must go through here.</summary>
    public Task<TResult> ChangeAsync<TResult>(long id, Func<Task<TResult>> change) => _cache.ChangeAsync(id, change);
}
