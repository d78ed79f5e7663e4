using FeedMall.Bff.Answers;
using FeedMall.Bff.Caching;
using FeedMall.Bff.Degradation;
using FeedMall.Bff.Edge;
using FeedMall.Bff.Protection;
using FeedMall.Bff.Requests;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Mall.V1;
using Google.Protobuf.WellKnownTypes;

namespace FeedMall.Bff.Mall;

/// <summary>/v1/mall/products.</summary>
internal static class ProductEndpoints
{
    // What is in stock is asked for when an order is placed, not here.
    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(30);

    public static void MapProducts(this IEndpointRouteBuilder routes)
    {
        var products = routes.MapGroup("/v1/mall/products").WithTags("Mall").Protect(new RoutePolicy { Dependencies = ["mall"] });
        products.MapPost("", CreateProduct).RequireAuthorization().Validate<NewProduct, NewProductRules>().WithName(nameof(CreateProduct))
            .WithSummary("Add a product").WithDescription("To a shop of the logged-in user.")
            .CanFail(400, 401, 403, 404, 408, 413, 415, 503, 504).Evict(_ => ["products"]).HasNoFallback();
        products.MapGet("", ListProducts).WithName(nameof(ListProducts))
            .WithSummary("List products").WithDescription("Of all shops, newest first. Follow nextCursor until it is absent.")
            .CanFail(400, 401, 503, 504).Cache(s_time, ["limit", "cursor", "sort"], _ => ["products"]);
        products.MapGet("/{id}", GetProduct).WithName(nameof(GetProduct))
            .WithSummary("Read a product").WithDescription("With ETag.")
            .CanFail(400, 401, 404, 503, 504).Cache(s_time, [], context => [TagOf(context)]);
        products.MapPatch("/{id}", UpdateProduct).RequireAuthorization().Validate<ProductPatch, ProductPatchRules>().WithName(nameof(UpdateProduct))
            .Accepts<ProductPatch>("application/json", "application/merge-patch+json")
            .WithSummary("Change a product")
            .WithDescription("Only the fields that are sent change. Send the version that you saw: when somebody was faster, the answer is 409.")
            .CanFail(400, 401, 403, 404, 408, 409, 413, 415, 503, 504).Evict(context => [TagOf(context), "products"]).HasNoFallback();
    }

    public static async Task<Created<ProductView>> CreateProduct(NewProduct body, RequestContext request, Products.ProductsClient products)
    {
        var message = new CreateProductRequest
        {
            ShopId = new Id(body.ShopId!).Value,
            Title = body.Title,
            Description = body.Description ?? "",
            Price = body.Price!.ToMoney(),
        };
        message.Images.AddRange((body.Images ?? []).Select(image => image.ToImage()));
        message.Tags.AddRange((body.Tags ?? []).Select(name => new Tag { Name = name }));
        var created = await products.CreateProductAsync(message, request.ToCallOptions());
        return new Created<ProductView>($"/v1/mall/products/{created.Product.Id}", ProductView.From(created.Product));
    }

    public static Task<Tagged<ListView<ProductView>>> ListProducts(
        [AsParameters] ListQuery list, RequestContext request, Products.ProductsClient products) => ListAsync(list, null, request, products);

    public static async Task<Tagged<ProductView>> GetProduct(Id id, RequestContext request, Products.ProductsClient products)
    {
        var product = (await products.GetProductAsync(new GetProductRequest { Id = id.Value }, request.ToCallOptions())).Product;
        return new Tagged<ProductView>($"{product.Id:x}-{product.Version:x}", ProductView.From(product));
    }

    public static async Task<Success<ProductView>> UpdateProduct(Id id, Patch<ProductPatch> body, RequestContext request, Products.ProductsClient products)
    {
        var changes = new ProductChanges { Title = body.Value.Title, Description = body.Value.Description, Price = body.Value.Price?.ToMoney() };
        changes.Images.AddRange((body.Value.Images ?? []).Select(image => image.ToImage()));
        changes.Tags.AddRange((body.Value.Tags ?? []).Select(name => new Tag { Name = name }));
        var mask = new FieldMask();
        mask.Paths.AddRange(body.Fields.Where(field => field != "version"));
        var changed = await products.UpdateProductAsync(
            new UpdateProductRequest { Id = id.Value, Version = body.Value.Version!.Value, Changes = changes, UpdateMask = mask }, request.ToCallOptions());
        return new Success<ProductView>(ProductView.From(changed.Product));
    }

    public static async Task<Tagged<ListView<ProductView>>> ListAsync(
        ListQuery list, long? shopId, RequestContext request, Products.ProductsClient products)
    {
        var page = await products.ListProductsAsync(new ListProductsRequest { Page = list.ToPage(), ShopId = shopId }, request.ToCallOptions());
        return new Tagged<ListView<ProductView>>(new([.. page.Products.Select(ProductView.From)], ListQuery.WriteCursor(page.NextCursor)));
    }

    private static string TagOf(HttpContext context) => $"product:{context.Value("id")}";
}
