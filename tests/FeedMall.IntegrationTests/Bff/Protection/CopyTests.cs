using FeedMall.Proto.Feed.V1;
using FeedMall.Testing;
using StackExchange.Redis;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>Last good answers: where they are kept, what they outlive, and what they do not.</summary>
public sealed class CopyTests
{
    private const string Post = "/v1/feed/posts/1";
    private const string Posts = "/v1/feed/posts";
    private const string WithCache = "--Protection:Cache:Enabled=true";

    [Fact]
    public async Task A_write_that_changes_leaves_the_old_answer_for_bad_times_and_one_that_takes_away_does_not()
    {
        await using var store = await CacheServer.StartAsync(CacheServer.KvStore);
        string[] settings = [WithCache, "--Bff:Cache:Enabled=true", $"--Bff:Cache:Addresses=127.0.0.1:{store.Port}", "--Bff:Cache:OperationTimeout=00:00:05", "--Protection:Cache:HotTime=00:00:00.010"];
        await using var one = await ProtectedBff.StartAsync(settings);
        await using var two = await ProtectedBff.StartAsync(settings);
        foreach (var bff in new[] { one, two })
        {
            await bff.UntilConnectedAsync();
            await bff.GetAsync(Post);
        }
        var user = await one.LogInAsync(5);
        Assert.Equal(200, await one.StatusAsync(HttpMethod.Put, $"{Post}/like", user));
        foreach (var bff in new[] { one, two })
        {
            bff.GetPost = (_, _) => throw ProtectedBff.Broken();
            // The other one may still have its copy of a moment.
            var copy = await bff.UntilAsync(Post, answer => answer.Degraded is not null);
            Assert.Equal("degrade; reason=UPSTREAM_ERROR; effect=stale", copy.Degrading);
        }
        Assert.Equal(200, await one.StatusAsync(HttpMethod.Delete, Post, user));
        foreach (var bff in new[] { one, two }) Assert.Equal(503, (await bff.UntilAsync(Post, answer => answer.Degraded is null)).Status);
        one.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_write_whose_caller_leaves_before_its_answer_makes_answers_old_too()
    {
        await using var bff = await ProtectedBff.StartAsync(WithCache);
        var user = await bff.LogInAsync(5);
        await bff.GetAsync(Post);
        var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bff.AddLike = async (_, context) =>
        {
            // It has taken place; its answer never comes.
            written.SetResult();
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new AddLikeResponse();
        };
        using var leave = new CancellationTokenSource();
        using var request = new HttpRequestMessage(HttpMethod.Put, $"{Post}/like");
        request.Headers.TryAddWithoutValidation(user.Item1, user.Item2);
        var write = bff.Http.SendAsync(request, leave.Token);
        await written.Task.WaitAsync(ProtectedBff.Cancel);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => write);
        // Else it would be fresh for 30 s.
        await bff.UntilAsync(Post, answer => answer.Headers["Cache-Status"] == "FeedMall; fwd=miss");
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task The_turn_to_make_an_answer_is_given_back_when_it_is_made()
    {
        await using var store = await CacheServer.StartAsync(CacheServer.Redis);
        using var connection = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{store.Port}");
        await using var bff = await ProtectedBff.StartAsync(WithCache, "--Bff:Cache:Enabled=true", $"--Bff:Cache:Addresses=127.0.0.1:{store.Port}", "--Bff:Cache:OperationTimeout=00:00:05");
        await bff.UntilConnectedAsync();
        await bff.GetAsync(Post);
        // Else all other copies that lack an answer wait until it runs out.
        Assert.Empty((RedisKey[]?)await connection.GetDatabase().ExecuteAsync("KEYS", "answer:turn:*") ?? []);
        Assert.NotEmpty((RedisKey[]?)await connection.GetDatabase().ExecuteAsync("KEYS", "answer:*") ?? []);
    }

    [Fact]
    public async Task A_copy_outlives_a_store_that_has_lost_everything()
    {
        await using var store = await CacheServer.StartAsync(CacheServer.KvStore);
        await using var bff = await ProtectedBff.StartAsync(
            WithCache, "--Bff:Cache:Enabled=true", $"--Bff:Cache:Addresses=127.0.0.1:{store.Port}", "--Bff:Cache:OperationTimeout=00:00:05", "--Protection:Cache:HotTime=00:00:00.010");
        await bff.UntilConnectedAsync();
        await bff.GetAsync(Post);
        using (var connection = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{store.Port}")) await connection.GetDatabase().ExecuteAsync("FLUSHDB");
        bff.GetPost = (_, _) => throw ProtectedBff.Broken();
        Assert.Equal(200, (await bff.UntilAsync(Post, answer => answer.Degraded is not null)).Status);
    }

    [Fact]
    public async Task A_Bff_that_starts_while_the_feed_is_gone_knows_the_popular_posts_from_the_store()
    {
        await using var store = await CacheServer.StartAsync(CacheServer.KvStore);
        string[] settings = ["--Bff:Cache:Enabled=true", $"--Bff:Cache:Addresses=127.0.0.1:{store.Port}", "--Bff:Cache:OperationTimeout=00:00:05"];
        await using (var before = await ProtectedBff.StartAsync(settings))
        {
            await before.UntilConnectedAsync();
            await before.WarmUpAsync();
        }
        await using var bff = await ProtectedBff.StartAsync([.. settings, "--Protection:Degrade:Feed=forced", "--Protection:Degrade:RenewInterval=00:00:10"]);
        var popular = await bff.UntilAsync(Posts, answer => answer.Status == 200);
        Assert.Equal("7", (string?)popular.Body!["data"]!["items"]![0]!["id"]);
    }
}
