using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Errors;
using FeedMall.Testing;
using Grpc.Core;
using Xunit;

namespace FeedMall.Tests.Domain.Feed;

public abstract class PostListTests(PostgresServer? postgres, string? cache = null) : FeedTests(postgres, cache)
{
    [Fact]
    public async Task Pages_have_no_gaps_and_no_repeats_while_posts_are_being_added()
    {
        var uid = await Feed.AddUserAsync("author");
        var present = await AddPostsAsync(uid, 40);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var added = 0;
        var adding = Task.Run(async () =>
        {
            for (; !enough.IsCancellationRequested; added++) await Feed.CreatePostAsync(uid, $"Added {added}");
        });

        var seen = new List<long>();
        var request = new ListPostsRequest { Page = new Page { Limit = 3 } };
        do
        {
            var before = Volatile.Read(ref added);
            var page = await Feed.Posts.ListPostsAsync(request, cancellationToken: Token);
            seen.AddRange(page.Posts.Select(post => post.Id));
            request.Page.Cursor = page.NextCursor;
            // Nobody can say that nothing was added between two pages.
            while (Volatile.Read(ref added) == before && !adding.IsCompleted) await Task.Yield();
        }
        while (request.Page.Cursor is not null);
        await enough.CancelAsync();
        await adding;

        Assert.InRange(added, 13, int.MaxValue);
        Assert.Equal(seen.OrderDescending(), seen);
        Assert.Equal(present.Reverse(), seen.Where(present.Contains));
        Assert.Equal(seen.Distinct(), seen);
    }

    [Fact]
    public async Task The_hottest_are_first_and_of_equals_the_newest()
    {
        var uid = await Feed.AddUserAsync("author");
        var posts = await AddPostsAsync(uid, 9);
        var likes = new[] { 0, 2, 0, 1, 2, 0, 0, 1, 0 };
        for (var i = 0; i < posts.Length; i++)
        {
            for (var user = 1; user <= likes[i]; user++) await Feed.LikeAsync(posts[i], user);
        }
        var expected = posts.Zip(likes).OrderByDescending(post => post.Second).ThenByDescending(post => post.First).Select(post => post.First).ToArray();
        for (var limit = 1; limit <= 10; limit++)
            Assert.Equal(expected, await ListAllAsync(new ListPostsRequest { Page = new Page { Limit = limit, Sort = Sort.Hot } }));
    }

    [Theory]
    [InlineData(Sort.Newest)]
    [InlineData(Sort.Hot)]
    public async Task A_list_can_be_of_one_type_and_of_one_author(Sort sort)
    {
        var (ada, ben) = (await Feed.AddUserAsync("ada"), await Feed.AddUserAsync("ben"));
        var texts = await AddPostsAsync(ada, 5);
        var videos = await AddPostsAsync(ada, 4, PostType.Video);
        var others = await AddPostsAsync(ben, 3, PostType.Video);
        long[] newestFirst = [.. others.Reverse(), .. videos.Reverse(), .. texts.Reverse()];

        Assert.Equal(newestFirst, await ListAllAsync(Request()));
        Assert.Equal(newestFirst.Intersect([.. videos, .. others]), await ListAllAsync(Request(PostType.Video)));
        Assert.Equal(newestFirst.Intersect([.. videos, .. texts]), await ListAllAsync(Request(uid: ada)));
        Assert.Equal(newestFirst.Intersect(videos), await ListAllAsync(Request(PostType.Video, ada)));
        Assert.Empty(await ListAllAsync(Request(PostType.Image)));
        Assert.Empty(await ListAllAsync(Request(uid: 1)));

        ListPostsRequest Request(PostType type = PostType.Unspecified, long? uid = null) =>
            new() { Page = new Page { Limit = 2, Sort = sort }, Type = type, Uid = uid };
    }

    [Fact]
    public async Task A_page_has_twenty_posts_unless_asked_otherwise_and_the_last_one_has_no_cursor()
    {
        await AddPostsAsync(await Feed.AddUserAsync("author"), 21);
        Assert.Equal((20, true), await SizeAsync(null));
        Assert.Equal((20, true), await SizeAsync(0));
        Assert.Equal((1, true), await SizeAsync(1));
        Assert.Equal((21, false), await SizeAsync(21));
        Assert.Equal((21, false), await SizeAsync(100));

        async Task<(int Posts, bool Next)> SizeAsync(int? limit)
        {
            var request = new ListPostsRequest { Page = limit is { } some ? new Page { Limit = some } : null };
            var page = await Feed.Posts.ListPostsAsync(request, cancellationToken: Token);
            return (page.Posts.Count, page.NextCursor is not null);
        }
    }

    [Fact]
    public async Task A_page_that_does_not_exist_is_refused_by_the_name_of_the_field()
    {
        await RefuseAsync("limit", new Page { Limit = 101 });
        await RefuseAsync("limit", new Page { Limit = -1 });
        await RefuseAsync("sort", new Page { Sort = (Sort)7 });
        await RefuseAsync("cursor", new Page { Cursor = new Cursor { Sort = Sort.Hot, Id = 1 } });
        await RefuseAsync("cursor", new Page { Sort = Sort.Hot, Cursor = new Cursor { Sort = Sort.Newest, Id = 1 } });
        await RefuseAsync("cursor", new Page { Cursor = new Cursor() });
        await RefuseAsync("cursor", new Page { Sort = Sort.Hot, Cursor = new Cursor { Sort = Sort.Hot, Id = 1, Score = -1 } });
        await FeedHost.InvalidAsync("type", Feed.Posts.ListPostsAsync(new ListPostsRequest { Type = (PostType)7 }, cancellationToken: Token));

        Task RefuseAsync(string field, Page page) =>
            FeedHost.InvalidAsync(field, Feed.Posts.ListPostsAsync(new ListPostsRequest { Page = page }, cancellationToken: Token));
    }

    [Fact]
    public async Task A_stream_has_every_post_newest_first_or_as_many_as_asked_for()
    {
        var uid = await Feed.AddUserAsync("author");
        var videos = await AddPostsAsync(uid, 2, PostType.Video);
        var texts = await AddPostsAsync(uid, 210);
        long[] newestFirst = [.. texts.Reverse(), .. videos.Reverse()];
        Assert.Equal(newestFirst, await StreamAsync(new StreamPostsRequest()));
        Assert.Equal(videos.Reverse(), await StreamAsync(new StreamPostsRequest { Type = PostType.Video }));
        foreach (var limit in new[] { 1, 99, 100, 101, 200, 211, 212, 213, int.MaxValue })
            Assert.Equal(newestFirst.Take(limit), await StreamAsync(new StreamPostsRequest { Limit = limit }));
    }

    [Fact]
    public async Task A_stream_without_posts_just_ends() => Assert.Empty(await StreamAsync(new StreamPostsRequest()));

    [Fact]
    public async Task A_stream_of_nothing_or_of_an_unknown_type_is_refused()
    {
        await RefuseAsync("limit", new StreamPostsRequest { Limit = 0 });
        await RefuseAsync("limit", new StreamPostsRequest { Limit = -5 });
        await RefuseAsync("type", new StreamPostsRequest { Type = (PostType)7 });

        async Task RefuseAsync(string field, StreamPostsRequest request)
        {
            var error = await Assert.ThrowsAsync<RpcException>(() => StreamAsync(request));
            Assert.Equal((StatusCode.InvalidArgument, field), (error.StatusCode, error.FindErrorInfo()?.Metadata.Keys.Single()));
        }
    }

    [Fact]
    public async Task A_stream_that_is_not_read_to_its_end_stops_nobody()
    {
        var uid = await Feed.AddUserAsync("author");
        var posts = await AddPostsAsync(uid, 120);
        using (var call = Feed.Posts.StreamPosts(new StreamPostsRequest(), cancellationToken: Token))
        {
            Assert.True(await call.ResponseStream.MoveNext(Token));
            // The stream holds no transaction while its reader takes his time: all of this works in between.
            await Feed.Posts.DeletePostAsync(new DeletePostRequest { Id = posts[0] }, FeedHost.As(uid), cancellationToken: Token);
            await Feed.LikeAsync(posts[1], 7);
            await Feed.CreatePostAsync(uid);
        }
        Assert.Equal(120, (await StreamAsync(new StreamPostsRequest())).Count);
    }

    private async Task<long[]> AddPostsAsync(long uid, int count, PostType type = PostType.Text)
    {
        var ids = new long[count];
        for (var i = 0; i < count; i++) ids[i] = (await Feed.CreatePostAsync(uid, $"Post {i}", type)).Id;
        Assert.Equal(ids.Order(), ids);
        return ids;
    }

    private async Task<List<long>> ListAllAsync(ListPostsRequest request)
    {
        var ids = new List<long>();
        do
        {
            var page = await Feed.Posts.ListPostsAsync(request, cancellationToken: Token);
            Assert.InRange(page.Posts.Count, page.NextCursor is null ? 0 : request.Page.Limit, request.Page.Limit);
            ids.AddRange(page.Posts.Select(post => post.Id));
            request.Page.Cursor = page.NextCursor;
        }
        while (request.Page.Cursor is not null);
        return ids;
    }

    private async Task<List<long>> StreamAsync(StreamPostsRequest request)
    {
        using var call = Feed.Posts.StreamPosts(request, cancellationToken: Token);
        var ids = new List<long>();
        await foreach (var response in call.ResponseStream.ReadAllAsync(Token)) ids.Add(response.Post.Id);
        return ids;
    }
}

public sealed class PostListTestsOnSqlite() : PostListTests(null);

public sealed class PostListTestsOnPostgres(PostgresServer server) : PostListTests(server);

public sealed class PostListTestsWithKvStore() : PostListTests(null, CacheServer.KvStore);

public sealed class PostListTestsWithRedis() : PostListTests(null, CacheServer.Redis);

public sealed class PostListTestsWithLostStore() : PostListTests(null, CacheServer.Lost);
