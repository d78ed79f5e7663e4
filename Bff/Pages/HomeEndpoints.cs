using System.Runtime.ExceptionServices;
using FeedMall.Bff.Answers;
using FeedMall.Bff.Caching;
using FeedMall.Bff.Degradation;
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
/// <param name="Degraded">The sections that could not be had; empty when all is there. They show what was kept for such a case, or nothing.</param>
internal sealed record HomeView(SectionView<PostCardView> Feed, SectionView<CollectionCardView> Mall, IReadOnlyList<string> Degraded);

/// <summary>A section of a page.</summary>
internal sealed record SectionView<T>(IReadOnlyList<T> Items);

/// <summary>/v1/pages.</summary>
internal static class HomeEndpoints
{
    private const int SectionLimit = 20;
    private const string FeedSection = "feed";
    private const string MallSection = "mall";
    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(5);

    public static void MapPages(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/pages/home", GetHome).WithTags("Pages").Protect(new RoutePolicy { Dependencies = [FeedSection, MallSection] }).WithName(nameof(GetHome))
            .WithSummary("Read the home page")
            .WithDescription("Feed and mall, gathered at the same time. A side that fails or is too slow is named in degraded, and shows what was kept for such a case; the page itself still answers 200.")
            .CanFail(401, 503, 504).Cache(s_time, [], _ => ["posts", "collections"]).FallBackOn("the popular posts and the newest collections", FindKept);

    public static async Task<Tagged<HomeView>> GetHome(
        HttpContext context, Posts.PostsClient posts, Collections.CollectionsClient collections, Fallbacks fallbacks, IOptionsMonitor<BffOptions> options)
    {
        var request = RequestContext.Of(context);
        var call = request.ToPartCallOptions(options.CurrentValue.HomeSectionTimeout);
        var page = new Page { Limit = SectionLimit };
        var feed = TryAsync(async () => (await posts.ListPostsAsync(new ListPostsRequest { Page = page }, call)).Posts.Select(PostCardView.From));
        var mall = TryAsync(async () => (await collections.ListCollectionCardsAsync(new ListCollectionCardsRequest { Page = page }, call)).Cards.Select(CollectionCardView.From));
        var failures = new[] { (Name: FeedSection, (await feed).Failure), (Name: MallSection, (await mall).Failure) }.Where(part => part.Failure is not null).ToList();
        // Without any section there is no page: then the last good one is better. And whose failures are not to be covered, fails.
        if (failures.Count == 2 || failures.Exists(part => !fallbacks.MayReplace(context, part.Name))) ExceptionDispatchInfo.Throw(failures[0].Failure!);
        foreach (var (name, failure) in failures) request.GoWithout(new MissingPart(name, Failures.Of(failure!).Reason));
        return new Tagged<HomeView>(Gather(context, (await feed).Items, (await mall).Items));
    }

    private static DefaultAnswer FindKept(HttpContext context)
    {
        var kept = context.RequestServices.GetRequiredService<StandIns>();
        TimeSpan?[] ages = [kept.PopularPosts?.Age, kept.NewestCollections?.Age];
        return new DefaultAnswer(new Tagged<HomeView>(Gather(context, null, null)), ages.Max());
    }

    // A section that is null could not be had.
    private static HomeView Gather(HttpContext context, IReadOnlyList<PostCardView>? feed, IReadOnlyList<CollectionCardView>? mall)
    {
        var kept = context.RequestServices.GetRequiredService<StandIns>();
        var degraded = new List<string>();
        if (feed is null) degraded.Add(FeedSection);
        if (mall is null) degraded.Add(MallSection);
        return new HomeView(
            new(feed ?? [.. (kept.PopularPosts?.Message.Posts ?? []).Take(SectionLimit).Select(PostCardView.From)]),
            new(mall ?? [.. (kept.NewestCollections?.Message.Cards ?? []).Take(SectionLimit).Select(CollectionCardView.From)]),
            degraded);
    }

    private static async Task<(IReadOnlyList<T>? Items, RpcException? Failure)> TryAsync<T>(Func<Task<IEnumerable<T>>> read)
    {
        try
        {
            return ([.. await read()], null);
        }
        catch (RpcException failure)
        {
            return (null, failure);
        }
    }
}
