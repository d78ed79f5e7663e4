using FeedMall.Domain.Mall.Products;
using FeedMall.Domain.Mall.Shops;
using FeedMall.Proto.Mall.V1;
using FeedMall.Rpc.Errors;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.Ids;
using FeedMall.ServiceDefaults.Validation;
using Google.Protobuf;
using Grpc.Core;

namespace FeedMall.Domain.Mall.Collections;

/// <summary>What shoppers see: the contract is proto/mall/v1/collections.proto.</summary>
internal sealed class CollectionsService(CollectionStore store, ProductStore products, ShopStore shops, IIdSource ids, TimeProvider clock)
    : Proto.Mall.V1.Collections.CollectionsBase
{
    private const int MaxSkus = 50;
    private const int MaxSkuName = 80;
    private const long MaxStock = 1_000_000;

    public override async Task<CreateCollectionResponse> CreateCollection(CreateCollectionRequest request, ServerCallContext context)
    {
        Check(request);
        await shops.CheckOwnerAsync(request.ShopId, context);
        var productIds = request.Skus.Select(sku => sku.ProductId).Distinct().ToArray();
        if (await products.CountInShopAsync(request.ShopId, productIds, context.CancellationToken) != productIds.Length)
            throw new ServiceException(StatusCode.FailedPrecondition, MallReasons.ProductNotInShop, "A SKU names a product that this shop does not have.");

        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var id = await ids.NextAsync(context.CancellationToken);
        var skus = new List<SkuRow>();
        foreach (var sku in request.Skus)
        {
            skus.Add(new SkuRow(
                await ids.NextAsync(context.CancellationToken), id, sku.ProductId, sku.Name, sku.Price.MinorUnits, sku.Price.Currency, sku.Stock));
        }
        var row = new CollectionRow(
            id, request.ShopId, request.Title, request.Description, request.Cover is null ? "" : JsonFormatter.Default.Format(request.Cover),
            (long)CollectionState.Draft, skus.Min(sku => sku.Price), skus[0].Currency, skus.Count, now, now, 1, "", 0);
        await store.AddAsync(row, skus, context.CancellationToken);
        return new CreateCollectionResponse { Collection = CollectionViews.ToCollection(row, skus) };
    }

    public override async Task<GetCollectionResponse> GetCollection(GetCollectionRequest request, ServerCallContext context)
    {
        var row = await store.FindAsync(request.Id, context.CancellationToken);
        if (row is null || (row.State != (long)CollectionState.Published && row.OwnerUid != Caller.FindUid(context))) throw NotFound();
        return new GetCollectionResponse { Collection = CollectionViews.ToCollection(row, await store.ListSkusAsync(row.Id, context.CancellationToken)) };
    }

    public override async Task<GetCollectionCardResponse> GetCollectionCard(GetCollectionCardRequest request, ServerCallContext context)
    {
        var rows = await store.ListPublishedAsync([request.Id], context.CancellationToken);
        return new GetCollectionCardResponse { Card = CollectionViews.ToCard(rows.SingleOrDefault() ?? throw NotFound()) };
    }

    public override async Task<BatchGetCollectionCardsResponse> BatchGetCollectionCards(BatchGetCollectionCardsRequest request, ServerCallContext context)
    {
        new FieldErrors().Require(request.Ids.Count <= PageQuery.MaxLimit, "ids", $"must be at most {PageQuery.MaxLimit}").ThrowIfAny();
        var rows = (await store.ListPublishedAsync(request.Ids, context.CancellationToken)).ToDictionary(row => row.Id);
        var response = new BatchGetCollectionCardsResponse();
        response.Cards.AddRange(request.Ids.Where(rows.ContainsKey).Select(id => CollectionViews.ToCard(rows[id])));
        return response;
    }

    public override async Task<ListCollectionCardsResponse> ListCollectionCards(ListCollectionCardsRequest request, ServerCallContext context)
    {
        var page = PageQuery.From(request.Page, allowHot: false);
        if (request.ShopId is { } shopId && await shops.FindAsync(shopId, context.CancellationToken) is null) throw ShopOwners.NotFound();
        var rows = await store.ListPublishedAsync(page, request.ShopId, context.CancellationToken);
        var response = new ListCollectionCardsResponse();
        response.Cards.AddRange(rows.Take(page.Limit).Select(CollectionViews.ToCard));
        if (response.Cards is [.., var last]) response.NextCursor = page.Next(rows.Count, 0, last.Id);
        return response;
    }

    public override async Task<SetCollectionStateResponse> SetCollectionState(SetCollectionStateRequest request, ServerCallContext context)
    {
        var found = await store.FindAsync(request.Id, context.CancellationToken) ?? throw NotFound();
        await shops.CheckOwnerAsync(found.ShopId, context);
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var row = await store.MoveAsync(found.Id, request.State, now, context.CancellationToken) ?? throw NotFound();
        var from = (CollectionState)row.State;
        if (!CollectionStates.CanMove(from, request.State))
        {
            throw new ServiceException(StatusCode.FailedPrecondition, MallReasons.CollectionState,
                $"The collection cannot move from {from} to {request.State}.".ToLowerInvariant());
        }
        if (from != request.State) row = row with { State = (long)request.State, UpdatedAtMs = now, Version = row.Version + 1 };
        return new SetCollectionStateResponse { Collection = CollectionViews.ToCollection(row, await store.ListSkusAsync(row.Id, context.CancellationToken)) };
    }

    private static void Check(CreateCollectionRequest request)
    {
        var errors = new FieldErrors()
            .Text("title", request.Title, 1, MallRules.MaxTitle)
            .Text("description", request.Description, 0, MallRules.MaxDescription)
            .Require(request.Skus.Count is >= 1 and <= MaxSkus, "skus", $"must be 1 to {MaxSkus}");
        if (request.Cover is not null) errors.Image("cover", request.Cover);
        for (var i = 0; i < request.Skus.Count && i < MaxSkus; i++)
        {
            var sku = request.Skus[i];
            errors.Text($"skus[{i}].name", sku.Name, 1, MaxSkuName)
                .Money($"skus[{i}].price", sku.Price)
                .Require(sku.Stock is >= 0 and <= MaxStock, $"skus[{i}].stock", $"must be 0 to {MaxStock} pieces");
        }
        errors.Require(request.Skus.Select(sku => sku.Price?.Currency).Distinct().Count() <= 1, "skus", "must all have one currency");
        errors.ThrowIfAny();
    }

    private static ServiceException NotFound() => new(StatusCode.NotFound, MallReasons.CollectionNotFound, "There is no such collection.");
}
