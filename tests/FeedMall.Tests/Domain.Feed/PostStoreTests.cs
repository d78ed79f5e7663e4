using FeedMall.Domain.Feed.Posts;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;
using FeedMall.ServiceDefaults.Validation;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Domain.Feed;

public sealed class PostStoreTests(PostgresServer postgres)
{
    [Theory]
    [InlineData("SQLite", Sort.Newest)]
    [InlineData("PostgreSQL", Sort.Newest)]
    [InlineData("SQLite", Sort.Hot)]
    [InlineData("PostgreSQL", Sort.Hot)]
    public async Task Pages_have_no_gaps_and_no_repeats_while_posts_are_added(string kind, Sort sort)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var feed = await FeedDatabase.CreateAsync(kind, postgres, cancel);
        var author = await feed.AddUserAsync("author", cancel);
        var present = new Dictionary<long, long>();
        for (var i = 0; i < 40; i++)
        {
            var id = await feed.AddPostAsync(author, cancel);
            for (var uid = 1; uid <= i % 4; uid++) await feed.Likes.AddAsync(id, uid, cancel);
            present[id] = i % 4;
        }

        var seen = new List<PostRow>();
        var page = new PageQuery(sort, 7, long.MaxValue, long.MaxValue);
        while (true)
        {
            var rows = await feed.Posts.ListAsync(page, PostType.Unspecified, null, cancel);
            seen.AddRange(rows.Take(page.Limit));
            await feed.AddPostAsync(author, cancel);
            if (page.Next(rows.Count, seen[^1].LikeCount, seen[^1].Id) is not { } next) break;
            page = page with { AfterScore = next.Score, AfterId = next.Id };
        }

        var expected = sort == Sort.Hot
            ? present.OrderByDescending(post => post.Value).ThenByDescending(post => post.Key).Select(post => post.Key)
            : present.Keys.OrderDescending();
        Assert.Equal(expected, seen.Select(post => post.Id).Where(present.ContainsKey));
        Assert.Equal(seen.Count, seen.Select(post => post.Id).Distinct().Count());
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task Lists_can_be_narrowed_to_a_type_and_to_an_author(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var feed = await FeedDatabase.CreateAsync(kind, postgres, cancel);
        var (ada, ben) = (await feed.AddUserAsync("ada", cancel), await feed.AddUserAsync("ben", cancel));
        var text = await feed.AddPostAsync(ada, cancel, type: (long)PostType.Text);
        var video = await feed.AddPostAsync(ada, cancel, type: (long)PostType.Video);
        var other = await feed.AddPostAsync(ben, cancel, type: (long)PostType.Video);
        var all = new PageQuery(Sort.Newest, 10, long.MaxValue, long.MaxValue);
        Assert.Equal([other, video], (await feed.Posts.ListAsync(all, PostType.Video, null, cancel)).Select(post => post.Id));
        Assert.Equal([video, text], (await feed.Posts.ListAsync(all, PostType.Unspecified, ada, cancel)).Select(post => post.Id));
        Assert.Equal([video], (await feed.Posts.ListAsync(all, PostType.Video, ada, cancel)).Select(post => post.Id));
        Assert.Equal("ben", (await feed.Posts.ListAsync(all, PostType.Video, ben, cancel)).Single().AuthorName);
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task Concurrent_changes_of_one_post_all_take_effect(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var feed = await FeedDatabase.CreateAsync(kind, postgres, cancel);
        var post = await feed.AddPostAsync(await feed.AddUserAsync("author", cancel), cancel, title: "");
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(
            () => feed.Posts.UpdateAsync(post, present => present with { Title = present.Title + "x" }, cancel), cancel)));
        var changed = (await feed.Posts.FindAsync(post, cancel))!;
        Assert.Equal(new string('x', 40), changed.Title);
        Assert.Equal(41, changed.Version);
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task A_change_that_is_refused_leaves_the_post_as_it_was(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var feed = await FeedDatabase.CreateAsync(kind, postgres, cancel);
        var post = await feed.AddPostAsync(await feed.AddUserAsync("author", cancel), cancel);
        var before = await feed.Posts.FindAsync(post, cancel);
        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => feed.Posts.UpdateAsync(post, _ => throw new InvalidTimeZoneException(), cancel));
        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => feed.Posts.DeleteAsync(post, _ => throw new InvalidTimeZoneException(), cancel));
        Assert.Equal(before, await feed.Posts.FindAsync(post, cancel));
        Assert.Null(await feed.Posts.UpdateAsync(post + 1, present => present, cancel));
        Assert.False(await feed.Posts.DeleteAsync(post + 1, _ => { }, cancel));
    }

    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task A_post_needs_an_author_and_is_found_by_id_alone_or_among_others(string kind)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var feed = await FeedDatabase.CreateAsync(kind, postgres, cancel);
        var author = await feed.AddUserAsync("author", cancel);
        Assert.False(await feed.Posts.TryAddAsync(new PostRow(1, author + 1, "t", "c", 1, "{}", 0, 1, 1, 1, ""), cancel));
        var (first, second) = (await feed.AddPostAsync(author, cancel, "'; DROP TABLE posts; --"), await feed.AddPostAsync(author, cancel));
        Assert.Equal("'; DROP TABLE posts; --", (await feed.Posts.FindAsync(first, cancel))!.Title);
        Assert.Equal([first, second], (await feed.Posts.ListAsync([second, first, 77], cancel)).Select(post => post.Id).Order());
        Assert.Empty(await feed.Posts.ListAsync([], cancel));
    }
}
