using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Errors;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.Validation;
using Grpc.Core;

namespace FeedMall.Domain.Feed.Likes;

/// <summary>Who likes which post: the contract is proto/feed/v1/likes.proto.</summary>
internal sealed class LikesService(LikeStore store) : Proto.Feed.V1.Likes.LikesBase
{
    public override async Task<AddLikeResponse> AddLike(AddLikeRequest request, ServerCallContext context) => new()
    {
        LikeCount = await store.AddAsync(request.PostId, Caller.GetUid(context), context.CancellationToken) ?? throw NotFound(),
    };

    public override async Task<CancelLikeResponse> CancelLike(CancelLikeRequest request, ServerCallContext context) => new()
    {
        LikeCount = await store.CancelAsync(request.PostId, Caller.GetUid(context), context.CancellationToken) ?? throw NotFound(),
    };

    public override async Task<BatchGetLikedResponse> BatchGetLiked(BatchGetLikedRequest request, ServerCallContext context)
    {
        new FieldErrors().Require(request.PostIds.Count <= PageQuery.MaxLimit, "postIds", $"must be at most {PageQuery.MaxLimit}").ThrowIfAny();
        var liked = (await store.ListLikedAsync(Caller.GetUid(context), request.PostIds, context.CancellationToken)).ToHashSet();
        var response = new BatchGetLikedResponse();
        response.LikedPostIds.AddRange(request.PostIds.Where(liked.Contains));
        return response;
    }

    private static ServiceException NotFound() => new(StatusCode.NotFound, FeedReasons.PostNotFound, "There is no such post.");
}
