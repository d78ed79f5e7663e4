using Dapper;
using FeedMall.Proto.Mall.V1;
using FeedMall.ServiceDefaults.Database;

namespace FeedMall.AllInOne.Demo;

/// <summary>
/// Finds the collections that a load left unpublished when it was cut off. No gRPC method lists drafts, so this reads the mall's own table.
/// </summary>
/// <param name="mall">Domain.Mall's database.</param>
internal sealed class DemoDraftStore(ServiceDatabase mall)
{
    /// <summary>Id and title of a shop's drafts.</summary>
    public Task<IEnumerable<(long Id, string Title)>> ListAsync(long shopId, CancellationToken cancellationToken) =>
        mall.ReadAsync(connection => connection.QueryAsync<(long, string)>(new CommandDefinition(
            "SELECT id, title FROM collections WHERE shop_id = @shopId AND state = @Draft ORDER BY id",
            new { shopId, Draft = (long)CollectionState.Draft }, cancellationToken: cancellationToken)), cancellationToken);
}
