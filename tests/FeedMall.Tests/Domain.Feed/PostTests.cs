using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Errors;
using FeedMall.Testing;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Xunit;

namespace FeedMall.Tests.Domain.Feed;

public abstract class PostTests(PostgresServer? postgres, string? cache = null) : FeedTests(postgres, cache)
{
    // What is sent must come back to the letter, whatever a database or a formatter might read into it.
    private const string Awkward = "'; DROP TABLE posts; --\n\t\"\\ %_ {0} @id $1 :x \\u0000 é 中文 👩‍👩‍👧 \u2028 </script>";

    private static readonly Dictionary<string, (string Field, Action<CreatePostRequest> Spoil)> BadPosts = new()
    {
        ["no title"] = ("title", post => post.Title = ""),
        ["blank title"] = ("title", post => post.Title = " \t\n"),
        ["long title"] = ("title", post => post.Title = new string('t', 121)),
        ["NUL in the title"] = ("title", post => post.Title = "a\0b"),
        ["escape in the title"] = ("title", post => post.Title = "a\u001b[31mb"),
        ["long content"] = ("content", post => post.Content = new string('c', 10_001)),
        ["NUL in the content"] = ("content", post => post.Content = "\0"),
        ["unknown type"] = ("type", post => post.Type = (PostType)9),
        ["eleven tags"] = ("tags", post => post.Tags.AddRange(Enumerable.Repeat(new Tag { Name = "t" }, 11))),
        ["empty tag"] = ("tags[0]", post => post.Tags.Add(new Tag())),
        ["long tag"] = ("tags[1]", post => post.Tags.AddRange([new Tag { Name = "t" }, new Tag { Name = new string('t', 33) }])),
        ["NUL in a tag"] = ("tags[0]", post => post.Tags.Add(new Tag { Name = "t\0" })),
        ["ten images"] = ("images", post => post.Images.AddRange(Enumerable.Repeat(new Image { Url = "http://i.example" }, 10))),
        ["image without address"] = ("images[0].url", post => post.Images.Add(new Image())),
        ["script for a cover"] = ("cover.url", post => post.Cover = new Image { Url = "javascript:alert(1)" }),
        ["file for a cover"] = ("cover.url", post => post.Cover = new Image { Url = "file:///etc/passwd" }),
        ["relative cover"] = ("cover.url", post => post.Cover = new Image { Url = "/a.png" }),
        ["cover of two lines"] = ("cover.url", post => post.Cover = new Image { Url = "https://i.example/\nSet-Cookie: a" }),
        ["cover with a space"] = ("cover.url", post => post.Cover = new Image { Url = "https://i.example/a b" }),
        ["long cover address"] = ("cover.url", post => post.Cover = new Image { Url = "https://i.example/" + new string('a', 2048) }),
        ["negative width"] = ("cover", post => post.Cover = new Image { Url = "https://i.example", Width = -1 }),
        ["huge height"] = ("cover", post => post.Cover = new Image { Url = "https://i.example", Height = int.MaxValue }),
        ["video in a text post"] = ("video", post => post.Video = new Video { Url = "https://v.example" }),
        ["video post without video"] = ("video", post => post.Type = PostType.Video),
        ["video of negative length"] = ("video.durationSeconds", post =>
            (post.Type, post.Video) = (PostType.Video, new Video { Url = "https://v.example", DurationSeconds = -1 })),
    };

    public static TheoryData<string> NamesOfBadPosts => [.. BadPosts.Keys];

    [Fact]
    public async Task A_post_reads_back_as_it_was_published()
    {
        var uid = await Feed.AddUserAsync("Author");
        var request = new CreatePostRequest
        {
            Title = Awkward,
            Content = Awkward + new string('c', 10_000 - Awkward.Length),
            Type = PostType.Video,
            Tags = { new Tag { Name = "it's" }, new Tag { Name = "\"quoted\"" } },
            Cover = new Image { Url = "https://i.example/c?a=1&b='%20", Width = 640, Height = 480 },
            Images = { new Image { Url = "http://i.example/1" }, new Image { Url = "http://[::1]:8080/2", Width = 1 } },
            Video = new Video { Url = "https://v.example/v", DurationSeconds = 61, Width = 1920, Height = 1080 },
        };
        var created = (await Feed.Posts.CreatePostAsync(request, FeedHost.As(uid), cancellationToken: Token)).Post;
        Assert.Equal((request.Title, request.Content, request.Type), (created.Title, created.Content, created.Type));
        Assert.Equal((request.Tags, request.Cover, request.Images, request.Video), (created.Tags, created.Cover, created.Images, created.Video));
        Assert.Equal((uid, 0, 1), (created.Uid, created.LikeCount, created.Version));
        Assert.Equal(new PostAuthor { Uid = uid, Name = "Author" }, created.Author);
        Assert.Equal(created.CreatedAtMs, created.UpdatedAtMs);
        Assert.InRange(DateTimeOffset.UtcNow - DateTimeOffset.FromUnixTimeMilliseconds(created.CreatedAtMs), TimeSpan.Zero, TimeSpan.FromMinutes(1));
        Assert.Equal(created, await Feed.GetPostAsync(created.Id));
    }

    [Fact]
    public async Task The_least_post_has_a_title_and_is_text()
    {
        var uid = await Feed.AddUserAsync("author");
        var post = (await Feed.Posts.CreatePostAsync(new CreatePostRequest { Title = "t" }, FeedHost.As(uid), cancellationToken: Token)).Post;
        Assert.Equal((PostType.Text, "", null, null), (post.Type, post.Content, post.Cover, post.Video));
        Assert.Equal((0, 0), (post.Tags.Count, post.Images.Count));
        Assert.Equal(post, await Feed.GetPostAsync(post.Id));
    }

    [Theory]
    [MemberData(nameof(NamesOfBadPosts))]
    public async Task A_post_outside_of_the_rules_is_refused_by_the_name_of_the_field(string name)
    {
        var request = new CreatePostRequest { Title = "A title", Content = "Its content" };
        var (field, spoil) = BadPosts[name];
        spoil(request);
        await FeedHost.InvalidAsync(field, Feed.Posts.CreatePostAsync(request, FeedHost.As(7), cancellationToken: Token));
    }

    [Fact]
    public async Task All_that_is_wrong_is_said_at_once()
    {
        var request = new CreatePostRequest { Content = "\0", Type = PostType.Video };
        var call = Feed.Posts.CreatePostAsync(request, FeedHost.As(7), cancellationToken: Token);
        var error = await FeedHost.RefusedAsync(StatusCode.InvalidArgument, Reasons.ValidationFailed, call);
        Assert.Equal(["content", "title", "video"], error.Metadata.Keys.Order());
    }

    [Fact]
    public async Task Only_users_publish_change_and_delete()
    {
        var anonymous = new Metadata();
        await FeedHost.RefusedAsync(StatusCode.Unauthenticated, Reasons.Unauthenticated,
            Feed.Posts.CreatePostAsync(new CreatePostRequest { Title = "t" }, anonymous, cancellationToken: Token));
        await FeedHost.RefusedAsync(StatusCode.Unauthenticated, Reasons.Unauthenticated, Update(1, new PostChanges(), anonymous, "title"));
        await FeedHost.RefusedAsync(StatusCode.Unauthenticated, Reasons.Unauthenticated,
            Feed.Posts.DeletePostAsync(new DeletePostRequest { Id = 1 }, anonymous, cancellationToken: Token));
        await FeedHost.RefusedAsync(StatusCode.NotFound, "FEED_USER_NOT_FOUND",
            Feed.Posts.CreatePostAsync(new CreatePostRequest { Title = "t" }, FeedHost.As(99), cancellationToken: Token));
        Assert.Equal(0, await Feed.NumberAsync("SELECT COUNT(*) FROM posts"));
    }

    [Fact]
    public async Task An_update_changes_what_its_mask_names_and_nothing_else()
    {
        var uid = await Feed.AddUserAsync("author");
        var before = await Feed.CreatePostAsync(uid);
        await Feed.LikeAsync(before.Id, 7);
        var changes = new PostChanges
        {
            Title = "New title",
            Content = "Not named by the mask",
            Cover = new Image { Url = "https://i.example/c" },
            Tags = { new Tag { Name = "new" } },
        };
        var after = (await Update(before.Id, changes, FeedHost.As(uid), "title", "tags", "cover")).Post;
        var expected = before.Clone();
        (expected.Title, expected.Cover, expected.LikeCount, expected.Version) = ("New title", changes.Cover, 1, 2);
        expected.Tags.Add(changes.Tags);
        expected.UpdatedAtMs = after.UpdatedAtMs;
        Assert.Equal(expected, after);
        Assert.True(after.UpdatedAtMs >= before.UpdatedAtMs);
        Assert.Equal(after, await Feed.GetPostAsync(before.Id));

        var cleared = (await Update(before.Id, new PostChanges(), FeedHost.As(uid), "content", "tags", "cover")).Post;
        Assert.Equal(("New title", "", 0, null, 3), (cleared.Title, cleared.Content, cleared.Tags.Count, cleared.Cover, cleared.Version));
    }

    [Fact]
    public async Task An_update_that_is_refused_changes_nothing()
    {
        var (uid, other) = (await Feed.AddUserAsync("author"), await Feed.AddUserAsync("other"));
        var post = await Feed.CreatePostAsync(uid, type: PostType.Video);
        var good = new PostChanges { Title = "New title" };
        await FeedHost.InvalidAsync("updateMask", Update(post.Id, good, FeedHost.As(uid)));
        await FeedHost.InvalidAsync("updateMask", Update(post.Id, good, FeedHost.As(uid), "title", "likeCount"));
        await FeedHost.InvalidAsync("updateMask", Update(post.Id, good, FeedHost.As(uid), "*"));
        await FeedHost.InvalidAsync("updateMask", Feed.Posts.UpdatePostAsync(
            new UpdatePostRequest { Id = post.Id, Changes = good }, FeedHost.As(uid), cancellationToken: Token));
        await FeedHost.InvalidAsync("title", Update(post.Id, new PostChanges(), FeedHost.As(uid), "title"));
        await FeedHost.InvalidAsync("content", Update(post.Id, new PostChanges { Content = "\0" }, FeedHost.As(uid), "content"));
        await FeedHost.InvalidAsync("video", Update(post.Id, new PostChanges(), FeedHost.As(uid), "video"));
        await FeedHost.RefusedAsync(StatusCode.PermissionDenied, "FEED_POST_NOT_OWNER", Update(post.Id, good, FeedHost.As(other), "title"));
        await FeedHost.RefusedAsync(StatusCode.NotFound, "FEED_POST_NOT_FOUND", Update(post.Id + 1, good, FeedHost.As(uid), "title"));
        Assert.Equal(post, await Feed.GetPostAsync(post.Id));
    }

    [Fact]
    public async Task Changes_of_different_fields_at_once_all_take_effect()
    {
        var uid = await Feed.AddUserAsync("author");
        var post = await Feed.CreatePostAsync(uid);
        for (var round = 1; round <= 20; round++)
        {
            await Task.WhenAll(
                Update(post.Id, new PostChanges { Title = $"t{round}" }, FeedHost.As(uid), "title").ResponseAsync,
                Update(post.Id, new PostChanges { Content = $"c{round}" }, FeedHost.As(uid), "content").ResponseAsync,
                Update(post.Id, new PostChanges { Tags = { new Tag { Name = $"g{round}" } } }, FeedHost.As(uid), "tags").ResponseAsync,
                Feed.LikeAsync(post.Id, round));
            var now = await Feed.GetPostAsync(post.Id);
            Assert.Equal(($"t{round}", $"c{round}", $"g{round}"), (now.Title, now.Content, now.Tags.Single().Name));
            Assert.Equal((1 + 3 * round, round), (now.Version, now.LikeCount));
        }
    }

    [Fact]
    public async Task A_deleted_post_is_gone_with_its_likes_and_only_its_author_can_delete_it()
    {
        var (uid, other) = (await Feed.AddUserAsync("author"), await Feed.AddUserAsync("other"));
        var (gone, stays) = (await Feed.CreatePostAsync(uid), await Feed.CreatePostAsync(uid));
        await Feed.LikeAsync(gone.Id, 7);
        await Feed.LikeAsync(stays.Id, 7);
        await FeedHost.RefusedAsync(StatusCode.PermissionDenied, "FEED_POST_NOT_OWNER", Delete(gone.Id, other));
        await Delete(gone.Id, uid);
        await FeedHost.RefusedAsync(StatusCode.NotFound, "FEED_POST_NOT_FOUND", Delete(gone.Id, uid));
        await FeedHost.RefusedAsync(StatusCode.NotFound, "FEED_POST_NOT_FOUND",
            Feed.Posts.GetPostAsync(new GetPostRequest { Id = gone.Id }, cancellationToken: Token));
        Assert.Equal(stays.Id, await Feed.NumberAsync("SELECT post_id FROM likes"));
        Assert.Equal(1, (await Feed.GetPostAsync(stays.Id)).LikeCount);
    }

    [Fact]
    public async Task Many_posts_are_read_in_the_order_asked_for_without_the_unknown_ones()
    {
        var uid = await Feed.AddUserAsync("author");
        var posts = new List<Post>();
        for (var i = 0; i < 5; i++) posts.Add(await Feed.CreatePostAsync(uid, $"Post {i}"));
        var request = new BatchGetPostsRequest { Ids = { posts[3].Id, 1, posts[0].Id, long.MinValue, posts[4].Id, posts[0].Id } };
        var found = (await Feed.Posts.BatchGetPostsAsync(request, cancellationToken: Token)).Posts;
        Assert.Equal([posts[3], posts[0], posts[4], posts[0]], found);
        Assert.Empty((await Feed.Posts.BatchGetPostsAsync(new BatchGetPostsRequest(), cancellationToken: Token)).Posts);

        request.Ids.AddRange(Enumerable.Repeat(1L, 95));
        await FeedHost.InvalidAsync("ids", Feed.Posts.BatchGetPostsAsync(request, cancellationToken: Token));
    }

    private AsyncUnaryCall<UpdatePostResponse> Update(long id, PostChanges changes, Metadata headers, params string[] paths)
    {
        var request = new UpdatePostRequest { Id = id, Changes = changes, UpdateMask = new FieldMask { Paths = { paths } } };
        return Feed.Posts.UpdatePostAsync(request, headers, cancellationToken: Token);
    }

    private AsyncUnaryCall<DeletePostResponse> Delete(long id, long uid) =>
        Feed.Posts.DeletePostAsync(new DeletePostRequest { Id = id }, FeedHost.As(uid), cancellationToken: Token);
}

public sealed class PostTestsOnSqlite() : PostTests(null);

public sealed class PostTestsOnPostgres(PostgresServer server) : PostTests(server);

public sealed class PostTestsWithKvStore() : PostTests(null, CacheServer.KvStore);

public sealed class PostTestsWithRedis() : PostTests(null, CacheServer.Redis);

public sealed class PostTestsWithLostStore() : PostTests(null, CacheServer.Lost);
