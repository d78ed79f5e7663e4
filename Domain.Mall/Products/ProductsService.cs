using System.Globalization;
using FeedMall.Domain.Mall.Shops;
using FeedMall.Proto.Mall.V1;
using FeedMall.Rpc.Errors;
using FeedMall.ServiceDefaults.Ids;
using FeedMall.ServiceDefaults.Validation;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace FeedMall.Domain.Mall.Products;

/// <summary>What shops sell: the contract is proto/mall/v1/products.proto.</summary>
internal sealed class ProductsService(
    ProductStore store, ProductCache cache, ShopStore shops, IIdSource ids, TimeProvider clock) : Proto.Mall.V1.Products.ProductsBase
{
    public override async Task<CreateProductResponse> CreateProduct(CreateProductRequest request, ServerCallContext context)
    {
        var product = new Product { ShopId = request.ShopId, Title = request.Title, Description = request.Description, Price = request.Price, Version = 1 };
        product.Images.AddRange(request.Images);
        product.Tags.AddRange(request.Tags);
        Check(product);
        await shops.CheckOwnerAsync(request.ShopId, context);

        product.Id = await ids.NextAsync(context.CancellationToken);
        product.CreatedAtMs = product.UpdatedAtMs = clock.GetUtcNow().ToUnixTimeMilliseconds();
        await cache.ChangeAsync(product.Id, () => store.AddAsync(ProductRow.From(product), context.CancellationToken));
        return new CreateProductResponse { Product = product };
    }

    public override async Task<GetProductResponse> GetProduct(GetProductRequest request, ServerCallContext context) =>
        new() { Product = await cache.FindAsync(request.Id, context.CancellationToken) ?? throw NotFound() };

    public override async Task<ListProductsResponse> ListProducts(ListProductsRequest request, ServerCallContext context)
    {
        var page = PageQuery.From(request.Page, allowHot: false);
        if (request.ShopId is { } shopId && await shops.FindAsync(shopId, context.CancellationToken) is null) throw ShopOwners.NotFound();
        var rows = await store.ListAsync(page, request.ShopId, context.CancellationToken);
        var response = new ListProductsResponse();
        response.Products.AddRange(rows.Take(page.Limit).Select(row => row.ToProduct()));
        if (response.Products is [.., var last]) response.NextCursor = page.Next(rows.Count, 0, last.Id);
        return response;
    }

    public override async Task<UpdateProductResponse> UpdateProduct(UpdateProductRequest request, ServerCallContext context)
    {
        new FieldErrors().Require(request.UpdateMask is { Paths.Count: > 0 }, "updateMask", "must name at least one field").ThrowIfAny();
        var product = await GetAsync(request.Id, context);
        await shops.CheckOwnerAsync(product.ShopId, context);
        if (product.Version != request.Version) throw Conflict(product.Version);

        Apply(product, request.Changes ?? new ProductChanges(), request.UpdateMask!);
        Check(product);
        product.UpdatedAtMs = clock.GetUtcNow().ToUnixTimeMilliseconds();
        if (!await cache.ChangeAsync(product.Id, () => store.TryUpdateAsync(ProductRow.From(product), request.Version, context.CancellationToken)))
            throw Conflict((await GetAsync(request.Id, context)).Version);
        product.Version = request.Version + 1;
        return new UpdateProductResponse { Product = product };
    }

    private static void Check(Product product) => new FieldErrors()
        .Text("title", product.Title, 1, MallRules.MaxTitle)
        .Text("description", product.Description, 0, MallRules.MaxDescription)
        .Money("price", product.Price)
        .Images("images", product.Images, MallRules.MaxImages)
        .Tags("tags", product.Tags, MallRules.MaxTags)
        .ThrowIfAny();

    private static void Apply(Product product, ProductChanges changes, FieldMask mask)
    {
        foreach (var path in mask.Paths)
        {
            switch (path)
            {
                case "title":
                    product.Title = changes.Title ?? "";
                    break;
                case "description":
                    product.Description = changes.Description ?? "";
                    break;
                case "price":
                    product.Price = changes.Price;
                    break;
                case "images":
                    product.Images.Clear();
                    product.Images.AddRange(changes.Images);
                    break;
                case "tags":
                    product.Tags.Clear();
                    product.Tags.AddRange(changes.Tags);
                    break;
                default:
                    new FieldErrors().Add("updateMask", $"'{path}' cannot be changed: only title, description, price, images, tags").ThrowIfAny();
                    break;
            }
        }
    }

    // From the database: who changes a product must see it as it is.
    private async Task<Product> GetAsync(long id, ServerCallContext context) =>
        (await store.FindAsync(id, context.CancellationToken) ?? throw NotFound()).ToProduct();

    private static ServiceException NotFound() => new(StatusCode.NotFound, MallReasons.ProductNotFound, "There is no such product.");

    private static ServiceException Conflict(long version) => new(
        StatusCode.Aborted, MallReasons.VersionConflict, "Somebody else changed this product first: read it again and repeat the change.",
        new Dictionary<string, string> { ["version"] = version.ToString(CultureInfo.InvariantCulture) });
}
