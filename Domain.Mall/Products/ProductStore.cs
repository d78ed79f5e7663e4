using Dapper;
using FeedMall.Proto.Mall.V1;
using FeedMall.ServiceDefaults.Database;
using FeedMall.ServiceDefaults.Validation;
using Google.Protobuf;

namespace FeedMall.Domain.Mall.Products;

/// <summary>A row of the table products.</summary>
internal sealed record ProductRow(
    long Id, long ShopId, string Title, string Description, long Price, string Currency, string Media, long CreatedAtMs, long UpdatedAtMs, long Version)
{
    private static readonly JsonParser s_parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

    /// <summary>The row of a product.</summary>
    public static ProductRow From(Product product)
    {
        var media = new ProductChanges();
        media.Images.AddRange(product.Images);
        media.Tags.AddRange(product.Tags);
        return new ProductRow(
            product.Id, product.ShopId, product.Title, product.Description, product.Price.MinorUnits, product.Price.Currency,
            JsonFormatter.Default.Format(media), product.CreatedAtMs, product.UpdatedAtMs, product.Version);
    }

    /// <summary>The row as the contract shows it.</summary>
    public Product ToProduct()
    {
        var product = new Product
        {
            Id = Id,
            ShopId = ShopId,
            Title = Title,
            Description = Description,
            Price = new Money { MinorUnits = Price, Currency = Currency },
            CreatedAtMs = CreatedAtMs,
            UpdatedAtMs = UpdatedAtMs,
            Version = Version,
        };
        var media = s_parser.Parse<ProductChanges>(Media);
        product.Images.AddRange(media.Images);
        product.Tags.AddRange(media.Tags);
        return product;
    }
}

/// <summary>Products in the database.</summary>
internal sealed class ProductStore(ServiceDatabase database)
{
    private const string Select =
        """
        SELECT id AS Id, shop_id AS ShopId, title AS Title, description AS Description, price AS Price, currency AS Currency, media AS Media,
               created_at_ms AS CreatedAtMs, updated_at_ms AS UpdatedAtMs, version AS Version
        FROM products
        """;

    /// <summary>Adds a product.</summary>
    public Task<int> AddAsync(ProductRow product, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO products (id, shop_id, title, description, price, currency, media, created_at_ms, updated_at_ms)
            VALUES (@Id, @ShopId, @Title, @Description, @Price, @Currency, @Media, @CreatedAtMs, @UpdatedAtMs)
            """,
            product, transaction, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>The product of this id, or null.</summary>
    public Task<ProductRow?> FindAsync(long id, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.QuerySingleOrDefaultAsync<ProductRow>(new CommandDefinition(
            $"{Select} WHERE id = @id", new { id }, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>How many of these products the shop has.</summary>
    public Task<long> CountInShopAsync(long shopId, IReadOnlyCollection<long> ids, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.ExecuteScalarAsync<long>(new CommandDefinition(
            $"SELECT COUNT(*) FROM products WHERE shop_id = @shopId AND {database.AnyOf("id", "@ids")}",
            new { shopId, ids = ids.ToArray() }, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>One page, of one shop or of all, and one product more when there is a next page.</summary>
    public async Task<IReadOnlyList<ProductRow>> ListAsync(PageQuery page, long? shopId, CancellationToken cancellationToken) =>
        (await database.ReadAsync(connection => connection.QueryAsync<ProductRow>(new CommandDefinition(
            $"{Select} WHERE id < @AfterId {(shopId is null ? "" : "AND shop_id = @shopId")} ORDER BY id DESC LIMIT @take",
            new { page.AfterId, shopId = shopId ?? 0, take = page.Limit + 1L }, cancellationToken: cancellationToken)), cancellationToken)).AsList();

    /// <summary>Writes a changed product if it still has the version that the change started from; false when it has moved on.</summary>
    public async Task<bool> TryUpdateAsync(ProductRow changed, long fromVersion, CancellationToken cancellationToken) =>
        await database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            UPDATE products
            SET title = @Title, description = @Description, price = @Price, currency = @Currency, media = @Media,
                updated_at_ms = @UpdatedAtMs, version = version + 1
            WHERE id = @Id AND version = @fromVersion
            """,
            new { changed.Id, changed.Title, changed.Description, changed.Price, changed.Currency, changed.Media, changed.UpdatedAtMs, fromVersion },
            transaction, cancellationToken: cancellationToken)), cancellationToken) == 1;
}
