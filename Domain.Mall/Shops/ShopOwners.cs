using FeedMall.Rpc.Errors;
using FeedMall.ServiceDefaults;
using Grpc.Core;

namespace FeedMall.Domain.Mall.Shops;

/// <summary>Who may change what a shop has.</summary>
internal static class ShopOwners
{
    /// <summary>Refuses a call whose acting user does not own the shop.</summary>
    /// <exception cref="ServiceException">UNAUTHENTICATED, NOT_FOUND / MALL_SHOP_NOT_FOUND, PERMISSION_DENIED / MALL_SHOP_NOT_OWNER.</exception>
    public static async Task CheckOwnerAsync(this ShopStore shops, long shopId, ServerCallContext context)
    {
        var uid = Caller.GetUid(context);
        var shop = await shops.FindAsync(shopId, context.CancellationToken) ?? throw NotFound();
        if (shop.OwnerUid != uid) throw new ServiceException(StatusCode.PermissionDenied, MallReasons.ShopNotOwner, "Only the shop's owner can do this.");
    }

    /// <summary>The answer for a shop that does not exist.</summary>
    public static ServiceException NotFound() => new(StatusCode.NotFound, MallReasons.ShopNotFound, "There is no such shop.");
}
