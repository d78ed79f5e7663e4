using FeedMall.Bff.Answers;
using FeedMall.Bff.Caching;
using FeedMall.Bff.Degradation;
using FeedMall.Bff.Edge;
using FeedMall.Bff.Protection;
using FeedMall.Bff.Requests;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Errors;
using FeedMall.ServiceDefaults.Validation;
using Google.Protobuf.WellKnownTypes;

namespace FeedMall.Bff.Feed;

/// <summary>/v1/feed: posts, cards, videos.</summary>
internal static class PostEndpoints
{
    // A list may be so much behind the likes of its posts; who writes a post sees it at once.
    private static readonly TimeSpan s_listTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_postTime = TimeSpan.FromSeconds(30);

    /// <summary>What answers with a post in them are made of.</summary>
    public static string TagOf(HttpContext context) => $"post:{context.Value("id")}";

    public static void MapPosts(this IEndpointRouteBuilder routes)
    {
        var posts = routes.MapGroup("/v1/feed").WithTags("Feed").Protect(new RoutePolicy { Dependencies = ["feed"] });
        posts.MapPost("/posts", CreatePost).RequireAuthorization().Validate<NewPost, NewPostRules>().WithName(nameof(CreatePost))
            .WithSummary("Publish a post").WithDescription("As the logged-in user. A post of type video needs a video, the others must not have one.")
            .CanFail(400, 401, 408, 413, 415, 503, 504).Evict(_ => ["posts"]).HasNoFallback();
        posts.MapGet("/posts", ListPosts).WithName(nameof(ListPosts))
            .WithSummary("List posts").WithDescription("Newest or hottest first, of all users or of one. Follow nextCursor until it is absent.")
            .CanFail(400, 401, 503, 504).Cache(s_listTime, ["limit", "cursor", "sort", "type", "uid"], _ => ["posts"])
            .FallBackOn("the popular posts", context => FindPopular(context, ReadType(context.Request.Query["type"]), PostView.From));
        posts.MapGet("/posts/{id}", GetPost).WithName(nameof(GetPost))
            .WithSummary("Read a post").WithDescription("Send the ETag back as If-None-Match to get 304 while nothing has changed.")
            .CanFail(400, 401, 404, 503, 504).Cache(s_postTime, [], context => [TagOf(context)]);
        posts.MapPatch("/posts/{id}", UpdatePost).RequireAuthorization().Validate<PostPatch, PostPatchRules>().WithName(nameof(UpdatePost))
            .Accepts<PostPatch>("application/json", "application/merge-patch+json")
            .WithSummary("Change a post").WithDescription("Only the fields that are sent change; null clears one. Only by its author.")
            .CanFail(400, 401, 403, 404, 408, 413, 415, 503, 504).Evict(context => [TagOf(context), "posts"]).HasNoFallback();
        posts.MapDelete("/posts/{id}", DeletePost).RequireAuthorization().WithName(nameof(DeletePost))
            .WithSummary("Delete a post").WithDescription("With its likes. Only by its author.")
            .CanFail(400, 401, 403, 404, 503, 504).Evict(context => [TagOf(context), "posts"], takesAway: true).HasNoFallback();
        posts.MapGet("/cards", ListCards).WithName(nameof(ListCards))
            .WithSummary("List posts as cards").WithDescription("A page of the feed, or exactly the posts named by ids, in that order; unknown ones are left out.")
            .CanFail(400, 401, 503, 504).Cache(s_listTime, ["limit", "cursor", "sort", "ids"], _ => ["posts"])
            .FallBackOn("the popular posts", context => FindPopular(context, PostType.Unspecified, PostCardView.From));
        posts.MapGet("/videos", ListVideos).WithName(nameof(ListVideos))
            .WithSummary("List videos").WithDescription("The posts of type video.")
            .CanFail(400, 401, 503, 504).Cache(s_listTime, ["limit", "cursor", "sort"], _ => ["posts"])
            .FallBackOn("the popular videos", context => FindPopular(context, PostType.Video, PostCardView.From));
    }

    public static async Task<Created<PostView>> CreatePost(NewPost body, RequestContext request, Posts.PostsClient posts)
    {
        var message = new CreatePostRequest { Title = body.Title, Content = body.Content ?? "", Cover = body.Cover?.ToImage(), Video = body.Video?.ToVideo() };
        message.Type = PostTypes.TryRead(body.Type ?? "text", out var type) ? type : PostType.Text;
        message.Tags.AddRange((body.Tags ?? []).Select(name => new Tag { Name = name }));
        message.Images.AddRange((body.Images ?? []).Select(image => image.ToImage()));
        var created = await posts.CreatePostAsync(message, request.ToCallOptions());
        return new Created<PostView>($"/v1/feed/posts/{created.Post.Id}", PostView.From(created.Post));
    }

    public static async Task<Tagged<ListView<PostView>>> ListPosts(
        [AsParameters] ListQuery list, string? type, Id? uid, RequestContext request, Posts.PostsClient posts)
    {
        var page = await posts.ListPostsAsync(
            new ListPostsRequest { Page = list.ToPage(), Type = ReadType(type), Uid = uid?.ValueOf("uid") }, request.ToCallOptions());
        return new Tagged<ListView<PostView>>(new(ViewsOf(page.Posts, PostView.From, request), ListQuery.WriteCursor(page.NextCursor)));
    }

    public static async Task<Tagged<PostView>> GetPost(Id id, RequestContext request, Posts.PostsClient posts)
    {
        var found = await posts.GetPostAsync(new GetPostRequest { Id = id.Value }, request.ToCallOptions());
        return new Tagged<PostView>(PostView.ETagOf(found.Post), ViewsOf([found.Post], PostView.From, request)[0]);
    }

    public static async Task<Success<PostView>> UpdatePost(Id id, Patch<PostPatch> body, RequestContext request, Posts.PostsClient posts)
    {
        var changes = new PostChanges
        {
            Title = body.Value.Title,
            Content = body.Value.Content,
            Cover = body.Value.Cover?.ToImage(),
            Video = body.Value.Video?.ToVideo(),
        };
        changes.Tags.AddRange((body.Value.Tags ?? []).Select(name => new Tag { Name = name }));
        changes.Images.AddRange((body.Value.Images ?? []).Select(image => image.ToImage()));
        var mask = new FieldMask();
        mask.Paths.AddRange(body.Fields);
        var changed = await posts.UpdatePostAsync(
            new UpdatePostRequest { Id = id.Value, Changes = changes, UpdateMask = mask }, request.ToCallOptions());
        return new Success<PostView>(PostView.From(changed.Post));
    }

    public static async Task<Success<Nothing>> DeletePost(Id id, RequestContext request, Posts.PostsClient posts)
    {
        await posts.DeletePostAsync(new DeletePostRequest { Id = id.Value }, request.ToCallOptions());
        return new Success<Nothing>(new Nothing());
    }

    public static async Task<Tagged<ListView<PostCardView>>> ListCards(
        [AsParameters] ListQuery list, string? ids, RequestContext request, Posts.PostsClient posts)
    {
        if (ids is null) return await ListCardsAsync(new ListPostsRequest { Page = list.ToPage() }, request, posts);
        var named = await posts.BatchGetPostsAsync(new BatchGetPostsRequest { Ids = { IdList.Read(ids) } }, request.ToCallOptions());
        return new Tagged<ListView<PostCardView>>(new(ViewsOf(named.Posts, PostCardView.From, request), null));
    }

    public static Task<Tagged<ListView<PostCardView>>> ListVideos([AsParameters] ListQuery list, RequestContext request, Posts.PostsClient posts) =>
        ListCardsAsync(new ListPostsRequest { Page = list.ToPage(), Type = PostType.Video }, request, posts);

    private static async Task<Tagged<ListView<PostCardView>>> ListCardsAsync(ListPostsRequest list, RequestContext request, Posts.PostsClient posts)
    {
        var page = await posts.ListPostsAsync(list, request.ToCallOptions());
        return new Tagged<ListView<PostCardView>>(new(ViewsOf(page.Posts, PostCardView.From, request), ListQuery.WriteCursor(page.NextCursor)));
    }

    private static IReadOnlyList<T> ViewsOf<T>(IReadOnlyList<Post> posts, Func<Post, T> view, RequestContext request)
    {
        if (posts.Any(AuthorView.IsMissing)) request.GoWithout(new MissingPart("author", Reasons.UpstreamError));
        return [.. posts.Select(view)];
    }

    // For the first page of everybody's posts. Later pages, one user's posts or those named by ids are not to be had elsewhere.
    private static DefaultAnswer? FindPopular<T>(HttpContext context, PostType type, Func<Post, T> view)
    {
        var query = context.Request.Query;
        var page = ListQuery.Read(query).ToPage();
        if (page.Cursor is not null || query.ContainsKey("uid") || query.ContainsKey("ids")) return null;
        if (context.RequestServices.GetRequiredService<StandIns>().PopularPosts is not { } popular) return null;
        var items = popular.Message.Posts.Where(post => type == PostType.Unspecified || post.Type == type).Take(page.Limit).Select(view).ToList();
        // That there are no videos at all is not to be said just because none is popular.
        if (items.Count == 0 && popular.Message.Posts.Count > 0) return null;
        return new DefaultAnswer(new Tagged<ListView<T>>(new(items, null, ListQuery.ItemsDegraded)), popular.Age);
    }

    private static PostType ReadType(string? text)
    {
        if (text is null) return PostType.Unspecified;
        if (!PostTypes.TryRead(text, out var type)) new FieldErrors().Add("type", "must be text, image or video").ThrowIfAny();
        return type;
    }
}
