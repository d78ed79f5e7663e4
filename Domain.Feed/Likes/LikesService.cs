using FeedMall.Domain.Feed.Posts;
using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Errors;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.Validation;
using Grpc.Core;

namespace FeedMall.Domain.Feed.Likes;

/// <summary>Who likes which post: the contract is proto/feed/v1/likes.proto.</summary>
internal sealed class LikesService(LikeStore store, PostCache posts) : Proto.Feed.V1.Likes.LikesBase
{
    public override async Task<AddLikeResponse> AddLike(AddLikeRequest request, ServerCallContext context) => new()
    {
        LikeCount = await ChangeAsync(request.PostId, store.AddAsync, context),
    };

    public override async Task<CancelLikeResponse> CancelLike(CancelLikeRequest request, ServerCallContext context) => new()
    {
        LikeCount = await ChangeAsync(request.PostId, store.CancelAsync, context),
    };

    public override async Task<BatchGetLikedResponse> BatchGetLiked(BatchGetLikedRequest request, ServerCallContext context)
    {
        new FieldErrors().Require(request.PostIds.Count <= PageQuery.MaxLimit, "postIds", $"must be at most {PageQuery.MaxLimit}").ThrowIfAny();
        var liked = (await store.ListLikedAsync(Caller.GetUid(context), request.PostIds, context.CancellationToken)).ToHashSet();
        var response = new BatchGetLikedResponse();
        response.LikedPostIds.AddRange(request.PostIds.Where(liked.Contains));
        return response;
    }

    // The count that a post shows is cached with the post.
    private async Task<long> ChangeAsync(long postId, Func<long, long, CancellationToken, Task<long?>> change, ServerCallContext context)
    {
        var uid = Caller.GetUid(context);
        return await posts.ChangeAsync(postId, () => change(postId, uid, context.CancellationToken)) ?? throw NotFound();
    }

    private static ServiceException NotFound() => new(StatusCode.NotFound, FeedReasons.PostNotFound, "There is no such post.");
}
