using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Mall.V1;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.Ids;
using FeedMall.ServiceDefaults.Validation;
using Google.Protobuf;
using Grpc.Core;

namespace FeedMall.Domain.Mall.Shops;

/// <summary>Who sells: the contract is proto/mall/v1/shops.proto.</summary>
internal sealed class ShopsService(ShopStore store, IIdSource ids, TimeProvider clock) : Proto.Mall.V1.Shops.ShopsBase
{
    private const int MaxName = 80;
    private const int MaxShopDescription = 2_000;

    public override async Task<CreateShopResponse> CreateShop(CreateShopRequest request, ServerCallContext context)
    {
        var uid = Caller.GetUid(context);
        var errors = new FieldErrors().Text("name", request.Name, 1, MaxName).Text("description", request.Description, 0, MaxShopDescription);
        if (request.Logo is not null) errors.Image("logo", request.Logo);
        errors.ThrowIfAny();

        var row = new ShopRow(
            await ids.NextAsync(context.CancellationToken), uid, request.Name, request.Description,
            request.Logo is null ? "" : JsonFormatter.Default.Format(request.Logo), clock.GetUtcNow().ToUnixTimeMilliseconds(), 1);
        await store.AddAsync(row, context.CancellationToken);
        return new CreateShopResponse { Shop = ToShop(row) };
    }

    public override async Task<GetShopResponse> GetShop(GetShopRequest request, ServerCallContext context) =>
        new() { Shop = ToShop(await store.FindAsync(request.Id, context.CancellationToken) ?? throw ShopOwners.NotFound()) };

    public override async Task<ListShopsResponse> ListShops(ListShopsRequest request, ServerCallContext context)
    {
        var page = PageQuery.From(request.Page, allowHot: false);
        var rows = await store.ListAsync(page, context.CancellationToken);
        var response = new ListShopsResponse();
        response.Shops.AddRange(rows.Take(page.Limit).Select(ToShop));
        if (response.Shops is [.., var last]) response.NextCursor = page.Next(rows.Count, 0, last.Id);
        return response;
    }

    private static Shop ToShop(ShopRow row) => new()
    {
        Id = row.Id,
        OwnerUid = row.OwnerUid,
        Name = row.Name,
        Description = row.Description,
        Logo = row.Media.Length == 0 ? null : JsonParser.Default.Parse<Image>(row.Media),
        CreatedAtMs = row.CreatedAtMs,
        Version = row.Version,
    };
}
