using Dapper;
using FeedMall.ServiceDefaults.Database;
using FeedMall.ServiceDefaults.Validation;

namespace FeedMall.Domain.Mall.Shops;

/// <summary>A row of the table shops.</summary>
internal sealed record ShopRow(long Id, long OwnerUid, string Name, string Description, string Media, long CreatedAtMs, long Version);

/// <summary>Shops in the database.</summary>
internal sealed class ShopStore(ServiceDatabase database)
{
    private const string Select =
        """
        SELECT id AS Id, owner_uid AS OwnerUid, name AS Name, description AS Description, media AS Media, created_at_ms AS CreatedAtMs, version AS Version
        FROM shops
        """;

    /// <summary>Adds a shop.</summary>
    public Task AddAsync(ShopRow shop, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO shops (id, owner_uid, name, description, media, created_at_ms)
            VALUES (@Id, @OwnerUid, @Name, @Description, @Media, @CreatedAtMs)
            """,
            shop, transaction, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>The shop of this id, or null.</summary>
    public Task<ShopRow?> FindAsync(long id, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.QuerySingleOrDefaultAsync<ShopRow>(new CommandDefinition(
            $"{Select} WHERE id = @id", new { id }, cancellationToken: cancellationToken)), cancellationToken);

    /// <summary>One page, and one shop more when there is a next page.</summary>
    public async Task<IReadOnlyList<ShopRow>> ListAsync(PageQuery page, CancellationToken cancellationToken) =>
        (await database.ReadAsync(connection => connection.QueryAsync<ShopRow>(new CommandDefinition(
            $"{Select} WHERE id < @AfterId ORDER BY id DESC LIMIT @take",
            new { page.AfterId, take = page.Limit + 1L }, cancellationToken: cancellationToken)), cancellationToken)).AsList();
}
