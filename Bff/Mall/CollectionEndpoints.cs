using FeedMall.Bff.Answers;
using FeedMall.Bff.Caching;
using FeedMall.Bff.Degradation;
using FeedMall.Bff.Edge;
using FeedMall.Bff.Protection;
using FeedMall.Bff.Requests;
using FeedMall.Proto.Mall.V1;

namespace FeedMall.Bff.Mall;

/// <summary>/v1/mall/collections.</summary>
internal static class CollectionEndpoints
{
    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(30);

    public static void MapCollections(this IEndpointRouteBuilder routes)
    {
        var collections = routes.MapGroup("/v1/mall/collections").WithTags("Mall").Protect(new RoutePolicy { Dependencies = ["mall"] });
        collections.MapPost("", CreateCollection).RequireAuthorization().Validate<NewCollection, NewCollectionRules>().WithName(nameof(CreateCollection))
            .WithSummary("Create a collection").WithDescription("A draft at first, seen by its shop's owner only. All SKUs are of products of the same shop, in one currency.")
            .CanFail(400, 401, 403, 404, 408, 412, 413, 415, 503, 504).HasNoFallback();
        collections.MapGet("", ListCollections).WithName(nameof(ListCollections))
            .WithSummary("List collections").WithDescription("The published ones of all shops, as cards, newest first.")
            .CanFail(400, 401, 503, 504).Cache(s_time, ["limit", "cursor", "sort"], _ => ["collections"]).FallBackOn("the newest collections", FindNewest);
        collections.MapGet("/cards", ListCollectionCards).WithName(nameof(ListCollectionCards))
            .WithSummary("Read several cards").WithDescription("Exactly the collections named by ids, in that order; unknown and unpublished ones are left out.")
            .CanFail(400, 401, 503, 504).Cache(s_time, ["ids"], _ => ["collections"]);
        collections.MapGet("/{id}", GetCollection).WithName(nameof(GetCollection))
            .WithSummary("Read a collection").WithDescription("With its SKUs, and with ETag.")
            // A draft is seen by its owner only.
            .CanFail(400, 401, 404, 503, 504).Cache(s_time, [], context => [TagOf(context)], perUser: true);
        collections.MapGet("/{id}/card", GetCollectionCard).WithName(nameof(GetCollectionCard))
            .WithSummary("Read a collection's card").WithDescription("The short form of a published collection, with ETag.")
            .CanFail(400, 401, 404, 503, 504).Cache(s_time, [], context => [TagOf(context)]);
        collections.MapPut("/{id}/state", SetCollectionState).RequireAuthorization().Validate<NewState, NewStateRules>().WithName(nameof(SetCollectionState))
            .WithSummary("Publish, withdraw or delete a collection").WithDescription("draft ↔ published, both → deleted. Only by the shop's owner.")
            .CanFail(400, 401, 403, 404, 408, 412, 413, 415, 503, 504).Evict(context => [TagOf(context), "collections"], takesAway: true).HasNoFallback();
    }

    public static async Task<Created<CollectionView>> CreateCollection(NewCollection body, RequestContext request, Collections.CollectionsClient collections)
    {
        var message = new CreateCollectionRequest
        {
            ShopId = new Id(body.ShopId!).Value,
            Title = body.Title,
            Description = body.Description ?? "",
            Cover = body.Cover?.ToImage(),
        };
        message.Skus.AddRange(body.Skus!.Select(sku => new NewSku
        {
            ProductId = new Id(sku.ProductId!).Value,
            Name = sku.Name,
            Price = sku.Price!.ToMoney(),
            Stock = sku.Stock!.Value,
        }));
        var created = (await collections.CreateCollectionAsync(message, request.ToCallOptions())).Collection;
        return new Created<CollectionView>($"/v1/mall/collections/{created.Id}", CollectionView.From(created));
    }

    public static Task<Tagged<ListView<CollectionCardView>>> ListCollections(
        [AsParameters] ListQuery list, RequestContext request, Collections.CollectionsClient collections) => ListAsync(list, null, request, collections);

    public static async Task<Tagged<ListView<CollectionCardView>>> ListCollectionCards(
        string? ids, RequestContext request, Collections.CollectionsClient collections)
    {
        var cards = await collections.BatchGetCollectionCardsAsync(new BatchGetCollectionCardsRequest { Ids = { IdList.Read(ids ?? "") } }, request.ToCallOptions());
        return new Tagged<ListView<CollectionCardView>>(new([.. cards.Cards.Select(CollectionCardView.From)], null));
    }

    public static async Task<Tagged<CollectionView>> GetCollection(Id id, RequestContext request, Collections.CollectionsClient collections)
    {
        var found = (await collections.GetCollectionAsync(new GetCollectionRequest { Id = id.Value }, request.ToCallOptions())).Collection;
        return new Tagged<CollectionView>($"{found.Id:x}-{found.Version:x}", CollectionView.From(found));
    }

    public static async Task<Tagged<CollectionCardView>> GetCollectionCard(Id id, RequestContext request, Collections.CollectionsClient collections)
    {
        var card = (await collections.GetCollectionCardAsync(new GetCollectionCardRequest { Id = id.Value }, request.ToCallOptions())).Card;
        return new Tagged<CollectionCardView>($"{card.Id:x}-{card.Version:x}", CollectionCardView.From(card));
    }

    public static async Task<Success<CollectionView>> SetCollectionState(
        Id id, NewState body, RequestContext request, Collections.CollectionsClient collections)
    {
        var moved = await collections.SetCollectionStateAsync(
            new SetCollectionStateRequest { Id = id.Value, State = States.Read(body.State) }, request.ToCallOptions());
        return new Success<CollectionView>(CollectionView.From(moved.Collection));
    }

    public static async Task<Tagged<ListView<CollectionCardView>>> ListAsync(
        ListQuery list, long? shopId, RequestContext request, Collections.CollectionsClient collections)
    {
        var page = await collections.ListCollectionCardsAsync(
            new ListCollectionCardsRequest { Page = list.ToPage(), ShopId = shopId }, request.ToCallOptions());
        return new Tagged<ListView<CollectionCardView>>(new([.. page.Cards.Select(CollectionCardView.From)], ListQuery.WriteCursor(page.NextCursor)));
    }

    private static DefaultAnswer? FindNewest(HttpContext context)
    {
        var page = ListQuery.Read(context.Request.Query).ToPage();
        if (page.Cursor is not null || context.RequestServices.GetRequiredService<StandIns>().NewestCollections is not { } newest) return null;
        return new DefaultAnswer(
            new Tagged<ListView<CollectionCardView>>(new([.. newest.Message.Cards.Take(page.Limit).Select(CollectionCardView.From)], null, ListQuery.ItemsDegraded)), newest.Age);
    }

    private static string TagOf(HttpContext context) => $"collection:{context.Value("id")}";
}
