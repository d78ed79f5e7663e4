using FeedMall.Proto.Feed.V1;
using FeedMall.Testing;
using Grpc.Health.V1;
using Xunit;

namespace FeedMall.Tests.Domain.Feed;

public abstract class StorageTests(PostgresServer? postgres, string? cache = null) : FeedTests(postgres, cache)
{
    [Fact]
    public async Task A_restarted_service_knows_all_it_knew_and_its_ids_go_on_above()
    {
        var uid = (await Feed.Users.RegisterAsync(new RegisterRequest { Name = "author", Password = "a password" }, cancellationToken: Token)).User.Id;
        var post = await Feed.CreatePostAsync(uid);
        await Feed.LikeAsync(post.Id, 7);
        var before = await Feed.GetPostAsync(post.Id);
        await RestartAsync();

        Assert.Equal(before, await Feed.GetPostAsync(post.Id));
        Assert.Equal(uid, (await Feed.Users.LogInAsync(new LogInRequest { Name = "author", Password = "a password" }, cancellationToken: Token)).User.Id);
        Assert.Equal(1, await Feed.LikeAsync(post.Id, 7));
        Assert.InRange((await Feed.CreatePostAsync(uid)).Id, post.Id + 1, long.MaxValue);
        Assert.Equal(await Feed.NumberAsync("SELECT COUNT(*) FROM schema_migrations"), await Feed.NumberAsync("SELECT MAX(number) FROM schema_migrations"));
    }

    [Fact]
    public async Task Ids_go_on_above_those_of_a_clock_that_was_ahead()
    {
        var uid = await Feed.AddUserAsync("author");
        // As if this had been stored by a machine whose clock was half a second ahead.
        var ahead = (await Feed.CreatePostAsync(uid)).Id + (500L << 22);
        await Feed.Database.WriteAsync(async (connection, transaction) =>
        {
            await using var command = connection.CreateCommand();
            (command.Transaction, command.CommandText) = (transaction, $"UPDATE posts SET id = {ahead}");
            return await command.ExecuteNonQueryAsync(Token);
        }, Token);
        await RestartAsync();
        Assert.InRange((await Feed.CreatePostAsync(uid)).Id, ahead + 1, long.MaxValue);
    }

    [Fact]
    public async Task Health_says_serving()
    {
        var response = await Feed.Health.CheckAsync(new HealthCheckRequest { Service = "feedmall.feed.v1.Posts" }, cancellationToken: Token);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, response.Status);
    }
}

public sealed class StorageTestsOnSqlite() : StorageTests(null);

public sealed class StorageTestsOnPostgres(PostgresServer server) : StorageTests(server);

public sealed class StorageTestsWithKvStore() : StorageTests(null, CacheServer.KvStore);

public sealed class StorageTestsWithRedis() : StorageTests(null, CacheServer.Redis);

public sealed class StorageTestsWithLostStore() : StorageTests(null, CacheServer.Lost);
