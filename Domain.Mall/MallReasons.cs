namespace FeedMall.Domain.Mall;

/// <summary>The reasons of this service's refusals.</summary>
internal static class MallReasons
{
    /// <summary>404: no shop has this id.</summary>
    public const string ShopNotFound = "MALL_SHOP_NOT_FOUND";

    /// <summary>403: the shop is somebody else's.</summary>
    public const string ShopNotOwner = "MALL_SHOP_NOT_OWNER";

    /// <summary>404: no product has this id.</summary>
    public const string ProductNotFound = "MALL_PRODUCT_NOT_FOUND";

    /// <summary>409: somebody else changed it first; metadata "version" has the present version.</summary>
    public const string VersionConflict = "MALL_VERSION_CONFLICT";

    /// <summary>412: a SKU names a product that its shop does not have.</summary>
    public const string ProductNotInShop = "MALL_PRODUCT_NOT_IN_SHOP";

    /// <summary>404: no collection has this id, or none that the caller may see.</summary>
    public const string CollectionNotFound = "MALL_COLLECTION_NOT_FOUND";

    /// <summary>412: the collection's state does not lead to the one that was asked for.</summary>
    public const string CollectionState = "MALL_COLLECTION_STATE";
}
