using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Dapper;
using FeedMall.Domain.Feed.Likes;
using FeedMall.Domain.Feed.Posts;
using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Errors;
using FeedMall.Testing;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.Tests.Domain.Feed;

public abstract class LikeTests(PostgresServer? postgres, string? cache = null) : FeedTests(postgres, cache)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_like_that_is_added_twice_counts_once()
    {
        var post = await NewPostAsync();
        Assert.Equal((1, 1, 2), (await Feed.LikeAsync(post, 7), await Feed.LikeAsync(post, 7), await Feed.LikeAsync(post, 8)));
        Assert.Equal((2, 2), await CountsAsync(post));
    }

    [Fact]
    public async Task A_like_that_is_taken_back_twice_or_never_was_changes_nothing()
    {
        var post = await NewPostAsync();
        Assert.Equal(0, await Feed.CancelLikeAsync(post, 7));
        await Feed.LikeAsync(post, 7);
        await Feed.LikeAsync(post, 8);
        Assert.Equal((1, 1), (await Feed.CancelLikeAsync(post, 7), await Feed.CancelLikeAsync(post, 7)));
        Assert.Equal((1, 1), await CountsAsync(post));
    }

    [Fact]
    public async Task A_like_does_not_make_a_new_version_of_its_post()
    {
        var post = await Feed.CreatePostAsync(await Feed.AddUserAsync("author"));
        await Feed.LikeAsync(post.Id, 7);
        var liked = await Feed.GetPostAsync(post.Id);
        Assert.Equal((1, post.Version, post.UpdatedAtMs), (liked.LikeCount, liked.Version, liked.UpdatedAtMs));
    }

    [Fact]
    public async Task A_post_that_is_not_there_cannot_be_liked()
    {
        await FeedHost.RefusedAsync(StatusCode.NotFound, "FEED_POST_NOT_FOUND", AddAsync(4, 7));
        await FeedHost.RefusedAsync(StatusCode.NotFound, "FEED_POST_NOT_FOUND",
            Feed.Likes.CancelLikeAsync(new CancelLikeRequest { PostId = 4 }, FeedHost.As(7), cancellationToken: Token));
        Assert.Equal(0, await Feed.NumberAsync("SELECT COUNT(*) FROM likes"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("0")]
    [InlineData("-7")]
    [InlineData("seven")]
    [InlineData("99999999999999999999")]
    public async Task Only_a_user_can_like(string? uid)
    {
        var headers = uid is null ? [] : new Metadata { { "x-md-global-uid", uid } };
        var request = new AddLikeRequest { PostId = await NewPostAsync() };
        await FeedHost.RefusedAsync(StatusCode.Unauthenticated, Reasons.Unauthenticated, Feed.Likes.AddLikeAsync(request, headers, cancellationToken: Token));
    }

    [Fact]
    public async Task A_user_is_told_which_posts_he_likes_in_the_order_asked_for()
    {
        var posts = new[] { await NewPostAsync(), await NewPostAsync("b"), await NewPostAsync("c") };
        await Feed.LikeAsync(posts[0], 7);
        await Feed.LikeAsync(posts[2], 7);
        await Feed.LikeAsync(posts[1], 8);
        var request = new BatchGetLikedRequest { PostIds = { posts[2], 5, posts[1], posts[0] } };
        var liked = (await Feed.Likes.BatchGetLikedAsync(request, FeedHost.As(7), cancellationToken: Token)).LikedPostIds;
        Assert.Equal([posts[2], posts[0]], liked);

        request.PostIds.AddRange(Enumerable.Repeat(1L, 97));
        await FeedHost.InvalidAsync("postIds", Feed.Likes.BatchGetLikedAsync(request, FeedHost.As(7), cancellationToken: Token));
    }

    [Fact]
    public async Task Sixty_four_concurrent_likers_of_one_post_leave_exact_counts_a_hundred_times()
    {
        var post = await NewPostAsync();
        var liked = new bool[64];
        for (var round = 0; round < 100; round++)
        {
            // The same rolls in every run; the order in which the calls meet is another one each time.
            var dice = new Random(round);
            var rolls = Enumerable.Range(0, liked.Length).Select(_ => dice.Next(5)).ToArray();
            await Task.WhenAll(Enumerable.Range(0, liked.Length).Select(async user => liked[user] = await ToggleAsync(post, user + 1, rolls[user])));
            var expected = liked.LongCount(likes => likes);
            Assert.Equal((round, (expected, expected)), (round, await CountsAsync(post)));
        }
    }

    [Fact]
    public async Task Likers_who_give_up_half_way_leave_exact_counts()
    {
        var post = await NewPostAsync();
        var store = Feed.Services.GetRequiredService<LikeStore>();
        var cache = Feed.Services.GetRequiredService<PostCache>();
        var cutOff = 0;
        for (var round = 0; round < 20; round++)
        {
            // Whenever somebody is done with a like, somebody gives up, wherever he is by then.
            var users = Enumerable.Range(0, 32).Select(_ => new CancellationTokenSource()).ToArray();
            var givingUp = new ConcurrentQueue<CancellationTokenSource>(users);
            new Random(round).Shuffle(users);
            await Task.WhenAll(users.Select((impatience, user) => LikeAndGiveUpAsync(user + 1, impatience.Token, givingUp)));
            foreach (var impatience in users) impatience.Dispose();
            var (counter, rows) = await CountsAsync(post);
            Assert.Equal((round, rows), (round, counter));
        }
        Assert.InRange(cutOff, 1, int.MaxValue);

        async Task LikeAndGiveUpAsync(long user, CancellationToken impatience, ConcurrentQueue<CancellationTokenSource> givingUp)
        {
            try
            {
                await cache.ChangeAsync(post, () => store.AddAsync(post, user, impatience));
                if (givingUp.TryDequeue(out var next)) await next.CancelAsync();
                await cache.ChangeAsync(post, () => store.CancelAsync(post, user, impatience));
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref cutOff);
            }
        }
    }

    [Fact]
    public async Task Likes_of_a_post_that_is_being_deleted_count_or_are_refused_and_none_is_left()
    {
        var author = await Feed.AddUserAsync("author");
        for (var round = 0; round < 20; round++)
        {
            var post = await Feed.CreatePostAsync(author);
            var likes = Enumerable.Range(1, 16).Select(user => AddAsync(post.Id, user)).ToArray();
            await Feed.Posts.DeletePostAsync(new DeletePostRequest { Id = post.Id }, FeedHost.As(author), cancellationToken: Token);
            foreach (var like in likes)
            {
                try
                {
                    Assert.InRange((await like).LikeCount, 1, 16);
                }
                catch (RpcException)
                {
                    await FeedHost.RefusedAsync(StatusCode.NotFound, "FEED_POST_NOT_FOUND", like);
                }
            }
            Assert.Equal(0, await Feed.NumberAsync("SELECT COUNT(*) FROM likes"));
        }
    }

    [Fact]
    public async Task Likes_of_several_posts_in_opposite_orders_all_take_effect()
    {
        var posts = new[] { await NewPostAsync(), await NewPostAsync("b"), await NewPostAsync("c") };
        await Task.WhenAll(Enumerable.Range(1, 32).Select(async user =>
        {
            foreach (var post in user % 2 == 0 ? posts : posts.Reverse()) await Feed.LikeAsync(post, user);
        }));
        foreach (var post in posts) Assert.Equal((32, 32), await CountsAsync(post));
    }

    [Fact]
    public async Task A_deadline_that_passes_while_a_like_waits_for_its_turn_ends_the_waiting()
    {
        var post = await NewPostAsync();
        var ended = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        // The way to the service is warm, so that the call is with it long before its deadline, also on a busy machine.
        await Feed.LikeAsync(post, 9);
        using var meters = ListenForTheEndOfALike(ended);
        await WhileLockedAsync(post, async () =>
        {
            var call = Feed.Likes.AddLikeAsync(
                new AddLikeRequest { PostId = post }, FeedHost.As(7), DateTime.UtcNow.AddSeconds(3), Token);
            var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
            Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
            // The service has ended the call too, by its own timer or because the client hung up, whichever was first, although the post is
            // still locked. Whether the like was really given up shows once the post is free.
            Assert.Contains(await ended.Task.WaitAsync(Patience, Token), new[] { "DEADLINE_EXCEEDED", "CANCELLED" });
        });
        Assert.Equal(2, await Feed.LikeAsync(post, 8));
        Assert.Equal((2, 2), await CountsAsync(post));
    }

    // What a user does in a round; the result is whether he likes the post at its end, in whatever order the calls of all users meet.
    private async Task<bool> ToggleAsync(long post, long user, int roll)
    {
        switch (roll)
        {
            case 0:
                await Feed.LikeAsync(post, user);
                return true;
            case 1:
                await Task.WhenAll(Feed.LikeAsync(post, user), Feed.LikeAsync(post, user));
                return true;
            case 2:
                await Feed.CancelLikeAsync(post, user);
                return false;
            case 3:
                await Task.WhenAll(Feed.CancelLikeAsync(post, user), Feed.CancelLikeAsync(post, user));
                return false;
            default:
                await Feed.CancelLikeAsync(post, user);
                await Feed.LikeAsync(post, user);
                return true;
        }
    }

    // Holds what a like needs (the post's row; in SQLite the right to write) while the action runs.
    private Task<bool> WhileLockedAsync(long post, Func<Task> action) => Feed.Database.WriteAsync(async (connection, transaction) =>
    {
        await connection.ExecuteAsync("UPDATE posts SET like_count = like_count WHERE id = @post", new { post }, transaction);
        await action();
        return true;
    }, Token);

    private MeterListener ListenForTheEndOfALike(TaskCompletionSource<string> ended)
    {
        var ours = Feed.Services.GetRequiredService<IMeterFactory>();
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "rpc.server.call.duration" && instrument.Meter.Scope == ours) listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) =>
        {
            var call = tags.ToArray().ToDictionary(tag => tag.Key, tag => tag.Value as string);
            // One that went well may be measured only after its answer is here.
            if (call["rpc.method"] == "feedmall.feed.v1.Likes/AddLike" && call["rpc.response.status_code"] != "OK") ended.TrySetResult(call["rpc.response.status_code"]!);
        });
        listener.Start();
        return listener;
    }

    private AsyncUnaryCall<AddLikeResponse> AddAsync(long post, long user) =>
        Feed.Likes.AddLikeAsync(new AddLikeRequest { PostId = post }, FeedHost.As(user), cancellationToken: Token);

    private async Task<long> NewPostAsync(string author = "a") => (await Feed.CreatePostAsync(await Feed.AddUserAsync($"author-{author}"))).Id;

    private async Task<(long Counter, long Rows)> CountsAsync(long post) =>
        ((await Feed.GetPostAsync(post)).LikeCount, await Feed.NumberAsync("SELECT COUNT(*) FROM likes WHERE post_id = @post", new { post }));
}

public sealed class LikeTestsOnSqlite() : LikeTests(null);

public sealed class LikeTestsOnPostgres(PostgresServer server) : LikeTests(server);

public sealed class LikeTestsWithKvStore() : LikeTests(null, CacheServer.KvStore);

public sealed class LikeTestsWithRedis() : LikeTests(null, CacheServer.Redis);

public sealed class LikeTestsWithLostStore() : LikeTests(null, CacheServer.Lost);
