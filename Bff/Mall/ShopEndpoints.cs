using FeedMall.Bff.Answers;
using FeedMall.Bff.Caching;
using FeedMall.Bff.Degradation;
using FeedMall.Bff.Edge;
using FeedMall.Bff.Protection;
using FeedMall.Bff.Requests;
using FeedMall.Proto.Mall.V1;

namespace FeedMall.Bff.Mall;

/// <summary>/v1/mall/shops.</summary>
internal static class ShopEndpoints
{
    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(30);

    public static void MapShops(this IEndpointRouteBuilder routes)
    {
        var shops = routes.MapGroup("/v1/mall/shops").WithTags("Mall").Protect(new RoutePolicy { Dependencies = ["mall"] });
        shops.MapPost("", CreateShop).RequireAuthorization().Validate<NewShop, NewShopRules>().WithName(nameof(CreateShop))
            .WithSummary("Open a shop").WithDescription("The logged-in user owns it.")
            .CanFail(400, 401, 408, 413, 415, 503, 504).Evict(_ => ["shops"]).HasNoFallback();
        shops.MapGet("", ListShops).WithName(nameof(ListShops))
            .WithSummary("List shops").WithDescription("Newest first. Follow nextCursor until it is absent.")
            .CanFail(400, 401, 503, 504).Cache(s_time, ["limit", "cursor", "sort"], _ => ["shops"]);
        shops.MapGet("/{id}", GetShop).WithName(nameof(GetShop))
            .WithSummary("Read a shop").WithDescription("With ETag.")
            .CanFail(400, 401, 404, 503, 504).Cache(s_time, [], _ => ["shops"]);
        shops.MapGet("/{id}/products", ListShopProducts).WithName(nameof(ListShopProducts))
            .WithSummary("List a shop's products").WithDescription("Newest first.")
            .CanFail(400, 401, 404, 503, 504).Cache(s_time, ["limit", "cursor", "sort"], _ => ["products"]);
        shops.MapGet("/{id}/collections", ListShopCollections).WithName(nameof(ListShopCollections))
            .WithSummary("List a shop's collections").WithDescription("The published ones, as cards, newest first.")
            .CanFail(400, 401, 404, 503, 504).Cache(s_time, ["limit", "cursor", "sort"], _ => ["collections"]);
    }

    public static async Task<Created<ShopView>> CreateShop(NewShop body, RequestContext request, Shops.ShopsClient shops)
    {
        var created = await shops.CreateShopAsync(
            new CreateShopRequest { Name = body.Name, Description = body.Description ?? "", Logo = body.Logo?.ToImage() }, request.ToCallOptions());
        return new Created<ShopView>($"/v1/mall/shops/{created.Shop.Id}", ShopView.From(created.Shop));
    }

    public static async Task<Tagged<ListView<ShopView>>> ListShops([AsParameters] ListQuery list, RequestContext request, Shops.ShopsClient shops)
    {
        var page = await shops.ListShopsAsync(new ListShopsRequest { Page = list.ToPage() }, request.ToCallOptions());
        return new Tagged<ListView<ShopView>>(new([.. page.Shops.Select(ShopView.From)], ListQuery.WriteCursor(page.NextCursor)));
    }

    public static async Task<Tagged<ShopView>> GetShop(Id id, RequestContext request, Shops.ShopsClient shops)
    {
        var shop = (await shops.GetShopAsync(new GetShopRequest { Id = id.Value }, request.ToCallOptions())).Shop;
        return new Tagged<ShopView>($"{shop.Id:x}-{shop.Version:x}", ShopView.From(shop));
    }

    public static Task<Tagged<ListView<ProductView>>> ListShopProducts(
        Id id, [AsParameters] ListQuery list, RequestContext request, Products.ProductsClient products) =>
        ProductEndpoints.ListAsync(list, id.Value, request, products);

    public static Task<Tagged<ListView<CollectionCardView>>> ListShopCollections(
        Id id, [AsParameters] ListQuery list, RequestContext request, Collections.CollectionsClient collections) =>
        CollectionEndpoints.ListAsync(list, id.Value, request, collections);
}
