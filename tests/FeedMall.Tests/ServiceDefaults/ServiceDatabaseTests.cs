using Dapper;
using FeedMall.Domain.Feed;
using FeedMall.Domain.Mall;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.Database;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.ServiceDefaults;

public sealed class ServiceDatabaseTests(PostgresServer postgres) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task Scripts_run_once_and_are_recorded_also_when_two_processes_start_at_once(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        var name = await NameAsync(kind, cancel);
        await using var one = ServiceDatabase.Open(name, _folder.Path);
        await using var two = ServiceDatabase.Open(name, _folder.Path);
        var ran = await Task.WhenAll(new[] { one, two }.Select(database => Task.Run(() => MigrateAsync(database, cancel), cancel)));
        var scripts = ran.SelectMany(names => names).ToArray();
        Assert.Equal("001_feed", scripts[0]);
        Assert.Equal(scripts.Distinct(), scripts);
        Assert.Empty(await MigrateAsync(one, cancel));
        Assert.Equal("001_feed", await one.ReadAsync(connection => connection.ExecuteScalarAsync<string>("SELECT name FROM schema_migrations WHERE number = 1"), cancel));
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task A_database_of_a_newer_version_is_refused_and_not_touched(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var database = ServiceDatabase.Open(await NameAsync(kind, cancel), _folder.Path);
        // As if a later version, whose scripts have other numbers, had made it: nothing of ours may run.
        await ExecuteAsync(database, "CREATE TABLE schema_migrations (number INT PRIMARY KEY, name TEXT NOT NULL, ran_at_ms BIGINT NOT NULL)", cancel);
        await ExecuteAsync(database, "INSERT INTO schema_migrations (number, name, ran_at_ms) VALUES (999, '999_later', 1)", cancel);
        var error = await Assert.ThrowsAsync<StartException>(() => MigrateAsync(database, cancel));
        Assert.Contains("999", error.Message, StringComparison.Ordinal);
        Assert.Contains("newer version", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, await database.ReadAsync(connection => connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM schema_migrations"), cancel));
        await ExecuteAsync(database, "CREATE TABLE users (a BIGINT)", cancel); // ours is not there
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task A_write_that_throws_or_is_cancelled_leaves_nothing_and_the_next_one_works(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var database = ServiceDatabase.Open(await NameAsync(kind, cancel), _folder.Path);
        await ExecuteAsync(database, "CREATE TABLE t (a BIGINT PRIMARY KEY)", cancel);
        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => database.WriteAsync<int>(async (connection, transaction) =>
        {
            await connection.ExecuteAsync("INSERT INTO t VALUES (1)", transaction: transaction);
            throw new InvalidTimeZoneException();
        }, cancel));
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => database.WriteAsync(async (connection, transaction) =>
        {
            await connection.ExecuteAsync("INSERT INTO t VALUES (2)", transaction: transaction);
            await stop.CancelAsync();
            return 0;
        }, stop.Token));
        await ExecuteAsync(database, "INSERT INTO t VALUES (3)", cancel);
        Assert.Equal([3L], await database.ReadAsync(connection => connection.QueryAsync<long>("SELECT a FROM t"), cancel));
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task Sixty_four_writers_at_once_all_succeed_while_others_read(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var database = ServiceDatabase.Open(await NameAsync(kind, cancel), _folder.Path);
        await MigrateAsync(database, cancel);
        await ExecuteAsync(database, "CREATE TABLE t (a BIGINT PRIMARY KEY)", cancel);
        var writers = Enumerable.Range(0, 64).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; i < 10; i++) await ExecuteAsync(database, $"INSERT INTO t VALUES ({writer * 10 + i})", cancel);
        }, cancel));
        var readers = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 20; i++) await database.ReadAsync(connection => connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM t"), cancel);
        }, cancel));
        await Task.WhenAll(writers.Concat(readers));
        Assert.Equal(640, await database.ReadAsync(connection => connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM t"), cancel));
    }

    [Fact]
    public async Task Every_room_with_a_database_has_scripts_that_run_on_both_kinds()
    {
        var cancel = TestContext.Current.CancellationToken;
        foreach (var assembly in new[] { typeof(FeedApp).Assembly, typeof(MallApp).Assembly })
        {
            foreach (var name in new[] { $"{assembly.GetName().Name}.db", await postgres.CreateDatabaseAsync(cancel) })
            {
                await using var database = ServiceDatabase.Open(name, _folder.Path);
                Assert.NotEmpty(await Migrator.MigrateAsync(database, assembly, TimeProvider.System, cancel));
            }
        }
    }

    public void Dispose() => _folder.Dispose();

    private static Task<IReadOnlyList<string>> MigrateAsync(ServiceDatabase database, CancellationToken cancel) =>
        Migrator.MigrateAsync(database, typeof(FeedApp).Assembly, TimeProvider.System, cancel);

    private static Task<int> ExecuteAsync(ServiceDatabase database, string sql, CancellationToken cancel) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(sql, transaction: transaction), cancel);

    private Task<string> NameAsync(string kind, CancellationToken cancel) =>
        kind == "SQLite" ? Task.FromResult("test.db") : postgres.CreateDatabaseAsync(cancel);
}
