using FeedMall.Bff.Feed;
using FeedMall.Proto.Mall.V1;

namespace FeedMall.Bff.Mall;

/// <summary>An amount of money.</summary>
/// <param name="Amount">In the currency's smallest unit: cents for EUR.</param>
/// <param name="Currency">ISO 4217.</param>
internal sealed record PriceView(long? Amount, string? Currency)
{
    public static PriceView? From(Money? money) => money is null ? null : new(money.MinorUnits, money.Currency);

    public Money ToMoney() => new() { MinorUnits = Amount ?? 0, Currency = Currency ?? "" };
}

/// <summary>A shop.</summary>
internal sealed record ShopView(string Id, string OwnerUid, string Name, string Description, ImageView? Logo, string CreatedAt, long Version)
{
    public static ShopView From(Shop shop) => new(
        Requests.Id.Write(shop.Id), Requests.Id.Write(shop.OwnerUid), shop.Name, shop.Description, ImageView.From(shop.Logo),
        Instants.Write(shop.CreatedAtMs), shop.Version);
}

/// <summary>A product.</summary>
internal sealed record ProductView(
    string Id, string ShopId, string Title, string Description, PriceView? Price, IReadOnlyList<ImageView> Images, IReadOnlyList<string> Tags,
    string CreatedAt, string UpdatedAt, long Version)
{
    public static ProductView From(Product product) => new(
        Requests.Id.Write(product.Id), Requests.Id.Write(product.ShopId), product.Title, product.Description, PriceView.From(product.Price),
        [.. product.Images.Select(image => ImageView.From(image)!)], [.. product.Tags.Select(tag => tag.Name)],
        Instants.Write(product.CreatedAtMs), Instants.Write(product.UpdatedAtMs), product.Version);
}

/// <summary>A collection with its SKUs.</summary>
internal sealed record CollectionView(
    string Id, string ShopId, string Title, string Description, ImageView? Cover, IReadOnlyList<SkuView> Skus, string State,
    string CreatedAt, string UpdatedAt, long Version)
{
    public static CollectionView From(Collection collection) => new(
        Requests.Id.Write(collection.Id), Requests.Id.Write(collection.ShopId), collection.Title, collection.Description, ImageView.From(collection.Cover),
        [.. collection.Skus.Select(SkuView.From)], States.Write(collection.State),
        Instants.Write(collection.CreatedAtMs), Instants.Write(collection.UpdatedAtMs), collection.Version);
}

/// <summary>One thing that can be put into a cart.</summary>
internal sealed record SkuView(string Id, string ProductId, string Name, PriceView? Price, long Stock)
{
    public static SkuView From(Sku sku) => new(
        Requests.Id.Write(sku.Id), Requests.Id.Write(sku.ProductId), sku.Name, PriceView.From(sku.Price), sku.Stock);
}

/// <summary>A published collection in a list of cards.</summary>
internal sealed record CollectionCardView(
    string Id, string ShopId, string ShopName, string Title, ImageView? Cover, PriceView? PriceFrom, int SkuCount, string CreatedAt)
{
    public static CollectionCardView From(CollectionCard card) => new(
        Requests.Id.Write(card.Id), Requests.Id.Write(card.ShopId), card.ShopName, card.Title, ImageView.From(card.Cover), PriceView.From(card.PriceFrom),
        card.SkuCount, Instants.Write(card.CreatedAtMs));
}

/// <summary>The states of collections by their names in JSON.</summary>
internal static class States
{
    public static string Write(CollectionState state) => state switch
    {
        CollectionState.Published => "published",
        CollectionState.Deleted => "deleted",
        _ => "draft",
    };

    public static CollectionState Read(string? text) => text switch
    {
        "draft" => CollectionState.Draft,
        "published" => CollectionState.Published,
        "deleted" => CollectionState.Deleted,
        _ => CollectionState.Unspecified,
    };
}
