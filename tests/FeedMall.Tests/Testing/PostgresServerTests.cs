using FeedMall.ServiceDefaults.Database;
using FeedMall.Testing;
using Dapper;
using Xunit;

namespace FeedMall.Tests.Testing;

public sealed class PostgresServerTests(PostgresServer postgres)
{
    [Fact]
    public async Task Every_database_is_empty_and_its_own()
    {
        var cancel = TestContext.Current.CancellationToken;
        foreach (var connectionString in new[] { await postgres.CreateDatabaseAsync(cancel), await postgres.CreateDatabaseAsync(cancel) })
        {
            await using var database = ServiceDatabase.Open(connectionString, "unused");
            Assert.True(database.IsPostgres);
            Assert.Equal(0, await database.ReadAsync(connection => connection.ExecuteScalarAsync<long>(
                "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"), cancel));
            await database.WriteAsync(async (connection, transaction) => await connection.ExecuteAsync("CREATE TABLE t (a BIGINT)", transaction: transaction), cancel);
        }
    }
}
