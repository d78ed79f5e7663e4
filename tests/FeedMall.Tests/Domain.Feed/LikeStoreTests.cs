using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Domain.Feed;

public sealed class LikeStoreTests(PostgresServer postgres)
{
    private const int Likers = 64;
    private const int Rounds = 100;

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task Sixty_four_concurrent_likers_end_in_exact_counts_a_hundred_times(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var feed = await FeedDatabase.CreateAsync(kind, postgres, cancel);
        var post = await feed.AddPostAsync(await feed.AddUserAsync("author", cancel), cancel);
        var liked = new bool[Likers];
        for (var round = 0; round < Rounds; round++)
        {
            // Who does what differs from round to round: adds, adds of what is there, cancels, cancels of what is not.
            await Task.WhenAll(Enumerable.Range(0, Likers).Select(liker => Task.Run(async () =>
            {
                var add = (liker * 7 + round * 13) % 5 < 3;
                var count = add
                    ? await feed.Likes.AddAsync(post, liker + 1, cancel)
                    : await feed.Likes.CancelAsync(post, liker + 1, cancel);
                Assert.InRange(count!.Value, add ? 1 : 0, add ? Likers : Likers - 1);
                liked[liker] = add;
            }, cancel)));
            var expected = liked.Count(isLiked => isLiked);
            Assert.Equal(expected, (await feed.Posts.FindAsync(post, cancel))!.LikeCount);
            Assert.Equal(expected, await CountRowsAsync(feed, post, cancel));
        }
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task A_like_that_is_added_twice_counts_once_and_cancelling_without_one_changes_nothing(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var feed = await FeedDatabase.CreateAsync(kind, postgres, cancel);
        var post = await feed.AddPostAsync(await feed.AddUserAsync("author", cancel), cancel);
        Assert.Equal(0, await feed.Likes.CancelAsync(post, 5, cancel));
        Assert.Equal(1, await feed.Likes.AddAsync(post, 5, cancel));
        Assert.Equal(1, await feed.Likes.AddAsync(post, 5, cancel));
        Assert.Equal(2, await feed.Likes.AddAsync(post, 6, cancel));
        Assert.Equal(1, await feed.Likes.CancelAsync(post, 5, cancel));
        Assert.Equal(1, await feed.Likes.CancelAsync(post, 5, cancel));
        Assert.Null(await feed.Likes.AddAsync(post + 1, 5, cancel));
        Assert.Null(await feed.Likes.CancelAsync(post + 1, 5, cancel));
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task Likes_that_race_with_the_deletion_of_the_post_neither_fail_nor_leave_anything_behind(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var feed = await FeedDatabase.CreateAsync(kind, postgres, cancel);
        var author = await feed.AddUserAsync("author", cancel);
        for (var round = 0; round < 20; round++)
        {
            var post = await feed.AddPostAsync(author, cancel);
            var likes = Enumerable.Range(1, 16).Select(uid => Task.Run(() => feed.Likes.AddAsync(post, uid, cancel), cancel)).ToArray();
            Assert.True(await feed.Posts.DeleteAsync(post, _ => { }, cancel));
            foreach (var count in await Task.WhenAll(likes)) Assert.True(count is null or (>= 1 and <= 16));
            Assert.Equal(0, await CountRowsAsync(feed, post, cancel));
        }
    }

    private static async Task<int> CountRowsAsync(FeedDatabase feed, long post, CancellationToken cancel)
    {
        var rows = 0;
        for (var uid = 1; uid <= Likers; uid++) rows += (await feed.Likes.ListLikedAsync(uid, [post], cancel)).Count();
        return rows;
    }
}
