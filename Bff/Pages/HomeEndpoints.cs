using FeedMall.Bff.Answers;
using FeedMall.Bff.Edge;
using FeedMall.Bff.Feed;
using FeedMall.Bff.Mall;
using FeedMall.Bff.Protection;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using Grpc.Core;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Pages;

/// <summary>The home page: half feed, half mall.</summary>
/// <param name="Degraded">The sections that could not be had; empty when all is there.</param>
internal sealed record HomeView(SectionView<PostCardView> Feed, SectionView<CollectionCardView> Mall, IReadOnlyList<string> Degraded);

/// <summary>A section of a page; empty when it could not be had.</summary>
internal sealed record SectionView<T>(IReadOnlyList<T> Items);

/// <summary>/v1/pages.</summary>
internal static class HomeEndpoints
{
    private const int SectionLimit = 20;

    public static void MapPages(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/pages/home", GetHome).WithTags("Pages").Protect().WithName(nameof(GetHome))
            .WithSummary("Read the home page")
            .WithDescription("Feed and mall, gathered at the same time. A side that fails or is too slow is left out and named in degraded; the page itself still answers 200.")
            .CanFail(401, 503, 504);

    public static async Task<Success<HomeView>> GetHome(
        RequestContext request, Posts.PostsClient posts, Collections.CollectionsClient collections, IOptionsMonitor<BffOptions> options)
    {
        var call = request.ToPartCallOptions(options.CurrentValue.HomeSectionTimeout);
        var page = new Page { Limit = SectionLimit };
        var feed = TryAsync(async () =>
            (await posts.ListPostsAsync(new ListPostsRequest { Page = page }, call)).Posts.Select(PostCardView.From));
        var mall = TryAsync(async () =>
            (await collections.ListCollectionCardsAsync(new ListCollectionCardsRequest { Page = page }, call)).Cards.Select(CollectionCardView.From));

        var degraded = new List<string>();
        if (await feed is null) degraded.Add("feed");
        if (await mall is null) degraded.Add("mall");
        return new Success<HomeView>(new HomeView(new(await feed ?? []), new(await mall ?? []), degraded));
    }

    // Null when the section could not be had: whatever the reason, the rest of the page is worth showing.
    private static async Task<IReadOnlyList<T>?> TryAsync<T>(Func<Task<IEnumerable<T>>> read)
    {
        try
        {
            return [.. await read()];
        }
        catch (RpcException)
        {
            return null;
        }
    }
}
