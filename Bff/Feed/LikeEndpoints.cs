using FeedMall.Bff.Answers;
using FeedMall.Bff.Caching;
using FeedMall.Bff.Degradation;
using FeedMall.Bff.Edge;
using FeedMall.Bff.Protection;
using FeedMall.Bff.Requests;
using FeedMall.Proto.Feed.V1;

namespace FeedMall.Bff.Feed;

/// <summary>/v1/feed/posts/{id}/like.</summary>
internal static class LikeEndpoints
{
    public static void MapLikes(this IEndpointRouteBuilder routes)
    {
        var likes = routes.MapGroup("/v1/feed/posts/{id}/like").WithTags("Feed").Protect(new RoutePolicy { Dependencies = ["feed"] }).HasNoFallback().RequireAuthorization();
        likes.MapPut("", AddLike).WithName(nameof(AddLike))
            .WithSummary("Like a post").WithDescription("Doing it twice counts once.")
            .CanFail(400, 401, 404, 503, 504).Evict(context => [PostEndpoints.TagOf(context)]);
        likes.MapDelete("", CancelLike).WithName(nameof(CancelLike))
            .WithSummary("Take a like back").WithDescription("Doing it twice, or without a like, changes nothing.")
            .CanFail(400, 401, 404, 503, 504).Evict(context => [PostEndpoints.TagOf(context)]);
    }

    public static async Task<Success<LikeView>> AddLike(Id id, RequestContext request, Likes.LikesClient likes) =>
        new(new LikeView((await likes.AddLikeAsync(new AddLikeRequest { PostId = id.Value }, request.ToCallOptions())).LikeCount));

    public static async Task<Success<LikeView>> CancelLike(Id id, RequestContext request, Likes.LikesClient likes) =>
        new(new LikeView((await likes.CancelLikeAsync(new CancelLikeRequest { PostId = id.Value }, request.ToCallOptions())).LikeCount));
}
