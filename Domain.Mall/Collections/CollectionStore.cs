using Dapper;
using FeedMall.Proto.Mall.V1;
using FeedMall.ServiceDefaults.Database;
using FeedMall.ServiceDefaults.Validation;

namespace FeedMall.Domain.Mall.Collections;

/// <summary>A row of the table collections, with its shop's name and owner.</summary>
internal sealed record CollectionRow(
    long Id, long ShopId, string Title, string Description, string Media, long State, long PriceFrom, string Currency, long SkuCount,
    long CreatedAtMs, long UpdatedAtMs, long Version, string ShopName, long OwnerUid);

/// <summary>A row of the table skus.</summary>
internal sealed record SkuRow(long Id, long CollectionId, long ProductId, string Name, long Price, string Currency, long Stock);

/// <summary>Collections and their SKUs in the database.</summary>
internal sealed class CollectionStore(ServiceDatabase database)
{
    private const string Select =
        """
        SELECT c.id AS Id, c.shop_id AS ShopId, c.title AS Title, c.description AS Description, c.media AS Media, c.state AS State,
               c.price_from AS PriceFrom, c.currency AS Currency, c.sku_count AS SkuCount, c.created_at_ms AS CreatedAtMs,
               c.updated_at_ms AS UpdatedAtMs, c.version AS Version, s.name AS ShopName, s.owner_uid AS OwnerUid
        FROM collections c JOIN shops s ON s.id = c.shop_id
        """;

    private const long Published = (long)CollectionState.Published;
    private const long Deleted = (long)CollectionState.Deleted;

    /// <summary>Adds a collection and its SKUs, all or nothing.</summary>
    public Task AddAsync(CollectionRow collection, IReadOnlyCollection<SkuRow> skus, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            await connection.ExecuteAsync(new CommandDefinition(
                """
                INSERT INTO collections (id, shop_id, title, description, media, state, price_from, currency, sku_count, created_at_ms, updated_at_ms)
                VALUES (@Id, @ShopId, @Title, @Description, @Media, @State, @PriceFrom, @Currency, @SkuCount, @CreatedAtMs, @UpdatedAtMs)
                """,
                collection, transaction, cancellationToken: cancellationToken));
            return await connection.ExecuteAsync(new CommandDefinition(
                """
                INSERT INTO skus (id, collection_id, product_id, name, price, currency, stock)
                VALUES (@Id, @CollectionId, @ProductId, @Name, @Price, @Currency, @Stock)
                """,
                skus, transaction, cancellationToken: cancellationToken));
        }, cancellationToken);

    /// <summary>The collection of this id that is not deleted, or null.</summary>
    public Task<CollectionRow?> FindAsync(long id, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.QuerySingleOrDefaultAsync<CollectionRow>(new CommandDefinition(
            $"{Select} WHERE c.id = @id AND c.state <> @Deleted", new { id, Deleted }, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>A collection's SKUs, in the order they were given.</summary>
    public Task<IEnumerable<SkuRow>> ListSkusAsync(long collectionId, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.QueryAsync<SkuRow>(new CommandDefinition(
            """
            SELECT id AS Id, collection_id AS CollectionId, product_id AS ProductId, name AS Name, price AS Price, currency AS Currency, stock AS Stock
            FROM skus WHERE collection_id = @collectionId ORDER BY id
            """,
            new { collectionId }, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>Those of these ids that are published, in any order.</summary>
    public Task<IEnumerable<CollectionRow>> ListPublishedAsync(IReadOnlyCollection<long> ids, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.QueryAsync<CollectionRow>(new CommandDefinition(
            $"{Select} WHERE c.state = @Published AND {database.AnyOf("c.id", "@ids")}",
            new { ids = ids.ToArray(), Published }, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>One page of published ones, of one shop or of all, and one more when there is a next page.</summary>
    public async Task<IReadOnlyList<CollectionRow>> ListPublishedAsync(PageQuery page, long? shopId, CancellationToken cancellationToken) =>
        (await database.ReadAsync(connection => connection.QueryAsync<CollectionRow>(new CommandDefinition(
            $"{Select} WHERE c.state = @Published AND c.id < @AfterId {(shopId is null ? "" : "AND c.shop_id = @shopId")} ORDER BY c.id DESC LIMIT @take",
            new { Published, page.AfterId, shopId = shopId ?? 0, take = page.Limit + 1L }, cancellationToken: cancellationToken)), cancellationToken)).AsList();

    /// <summary>
    /// Moves a collection if the state that it is in now allows it. The result is the row as it was before, or null when there is none: whoever
    /// moves it at the same time is either before or after.
    /// </summary>
    public Task<CollectionRow?> MoveAsync(long id, CollectionState to, long nowMs, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            // Only the collection is locked, not its shop.
            var row = await connection.QuerySingleOrDefaultAsync<CollectionRow>(new CommandDefinition(
                $"{Select} WHERE c.id = @id AND c.state <> @Deleted {database.ForUpdate} {(database.IsPostgres ? "OF c" : "")}",
                new { id, Deleted }, transaction, cancellationToken: cancellationToken));
            if (row is not null && row.State != (long)to && CollectionStates.CanMove((CollectionState)row.State, to))
            {
                await connection.ExecuteAsync(new CommandDefinition(
                    "UPDATE collections SET state = @to, updated_at_ms = @nowMs, version = version + 1 WHERE id = @id",
                    new { id, to = (long)to, nowMs }, transaction, cancellationToken: cancellationToken));
            }
            return row;
        }, cancellationToken);
}
