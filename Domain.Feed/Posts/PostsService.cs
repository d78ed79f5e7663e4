using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Errors;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.Ids;
using FeedMall.ServiceDefaults.Validation;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace FeedMall.Domain.Feed.Posts;

/// <summary>What people publish: the contract is proto/feed/v1/posts.proto.</summary>
internal sealed class PostsService(PostStore store, PostCache cache, IIdSource ids, TimeProvider clock) : Proto.Feed.V1.Posts.PostsBase
{
    public override async Task<CreatePostResponse> CreatePost(CreatePostRequest request, ServerCallContext context)
    {
        var uid = Caller.GetUid(context);
        var post = new Post
        {
            Title = request.Title,
            Content = request.Content,
            Type = request.Type == PostType.Unspecified ? PostType.Text : request.Type,
            Cover = request.Cover,
            Video = request.Video,
        };
        post.Tags.AddRange(request.Tags);
        post.Images.AddRange(request.Images);
        PostRules.Check(post);

        post.Id = await ids.NextAsync(context.CancellationToken);
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var row = new PostRow(post.Id, uid, post.Title, post.Content, (long)post.Type, PostMedia.Write(post), 0, now, now, 1, "");
        if (!await cache.ChangeAsync(row.Id, () => store.TryAddAsync(row, context.CancellationToken)))
            throw new ServiceException(StatusCode.NotFound, FeedReasons.UserNotFound, "The acting user does not exist.");
        return new CreatePostResponse { Post = (await store.FindAsync(post.Id, context.CancellationToken) ?? throw NotFound()).ToPost() };
    }

    public override async Task<GetPostResponse> GetPost(GetPostRequest request, ServerCallContext context) =>
        new() { Post = await cache.FindAsync(request.Id, context.CancellationToken) ?? throw NotFound() };

    public override async Task<UpdatePostResponse> UpdatePost(UpdatePostRequest request, ServerCallContext context)
    {
        var uid = Caller.GetUid(context);
        new FieldErrors().Require(request.UpdateMask is { Paths.Count: > 0 }, "updateMask", "must name at least one field").ThrowIfAny();
        var changed = await cache.ChangeAsync(request.Id, () =>
            store.UpdateAsync(request.Id, present => Change(present, request, uid), context.CancellationToken)) ?? throw NotFound();
        return new UpdatePostResponse { Post = changed.ToPost() };
    }

    public override async Task<DeletePostResponse> DeletePost(DeletePostRequest request, ServerCallContext context)
    {
        var uid = Caller.GetUid(context);
        var isDeleted = await cache.ChangeAsync(request.Id, () =>
            store.DeleteAsync(request.Id, post => CheckOwner(post, uid), context.CancellationToken));
        if (!isDeleted) throw NotFound();
        return new DeletePostResponse();
    }

    public override async Task<ListPostsResponse> ListPosts(ListPostsRequest request, ServerCallContext context)
    {
        PostRules.CheckFilter(request.Type);
        var page = PageQuery.From(request.Page, allowHot: true);
        var rows = await store.ListAsync(page, request.Type, request.Uid, context.CancellationToken);
        var response = new ListPostsResponse();
        response.Posts.AddRange(rows.Take(page.Limit).Select(row => row.ToPost()));
        if (response.Posts is [.., var last]) response.NextCursor = page.Next(rows.Count, last.LikeCount, last.Id);
        return response;
    }

    public override async Task<BatchGetPostsResponse> BatchGetPosts(BatchGetPostsRequest request, ServerCallContext context)
    {
        new FieldErrors().Require(request.Ids.Count <= PageQuery.MaxLimit, "ids", $"must be at most {PageQuery.MaxLimit}").ThrowIfAny();
        var posts = await cache.ListAsync(request.Ids, context.CancellationToken);
        var response = new BatchGetPostsResponse();
        response.Posts.AddRange(request.Ids.Where(posts.ContainsKey).Select(id => posts[id]));
        return response;
    }

    // Page by page, so that a slow reader holds no transaction open.
    public override async Task StreamPosts(StreamPostsRequest request, IServerStreamWriter<StreamPostsResponse> responseStream, ServerCallContext context)
    {
        new FieldErrors().Require(request.Limit is null or > 0, "limit", "must be more than 0").ThrowIfAny();
        PostRules.CheckFilter(request.Type);
        var left = request.Limit ?? int.MaxValue;
        var afterId = long.MaxValue;
        while (left > 0)
        {
            var page = new PageQuery(Proto.Common.V1.Sort.Newest, Math.Min(left, PageQuery.MaxLimit), 0, afterId);
            var rows = await store.ListAsync(page, request.Type, null, context.CancellationToken);
            foreach (var row in rows.Take(page.Limit)) await responseStream.WriteAsync(new StreamPostsResponse { Post = row.ToPost() });
            if (rows.Count <= page.Limit) return;
            left -= page.Limit;
            afterId = rows[page.Limit - 1].Id;
        }
    }

    private PostRow Change(PostRow present, UpdatePostRequest request, long uid)
    {
        CheckOwner(present, uid);
        var post = present.ToPost();
        PostRules.Apply(post, request.Changes ?? new PostChanges(), request.UpdateMask ?? new FieldMask());
        PostRules.Check(post);
        return present with
        {
            Title = post.Title,
            Content = post.Content,
            Media = PostMedia.Write(post),
            UpdatedAtMs = clock.GetUtcNow().ToUnixTimeMilliseconds(),
        };
    }

    private static void CheckOwner(PostRow post, long uid)
    {
        if (post.Uid != uid) throw new ServiceException(StatusCode.PermissionDenied, FeedReasons.PostNotOwner, "Only its author can change this post.");
    }

    private static ServiceException NotFound() => new(StatusCode.NotFound, FeedReasons.PostNotFound, "There is no such post.");
}
