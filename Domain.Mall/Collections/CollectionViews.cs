using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Mall.V1;
using Google.Protobuf;

namespace FeedMall.Domain.Mall.Collections;

/// <summary>Rows to messages.</summary>
internal static class CollectionViews
{
    public static Collection ToCollection(CollectionRow row, IEnumerable<SkuRow> skus)
    {
        var collection = new Collection
        {
            Id = row.Id,
            ShopId = row.ShopId,
            Title = row.Title,
            Description = row.Description,
            Cover = Cover(row),
            State = (CollectionState)row.State,
            CreatedAtMs = row.CreatedAtMs,
            UpdatedAtMs = row.UpdatedAtMs,
            Version = row.Version,
        };
        collection.Skus.AddRange(skus.Select(sku => new Sku
        {
            Id = sku.Id,
            ProductId = sku.ProductId,
            Name = sku.Name,
            Price = new Money { MinorUnits = sku.Price, Currency = sku.Currency },
            Stock = sku.Stock,
        }));
        return collection;
    }

    public static CollectionCard ToCard(CollectionRow row) => new()
    {
        Id = row.Id,
        ShopId = row.ShopId,
        ShopName = row.ShopName,
        Title = row.Title,
        Cover = Cover(row),
        PriceFrom = new Money { MinorUnits = row.PriceFrom, Currency = row.Currency },
        SkuCount = (int)row.SkuCount,
        CreatedAtMs = row.CreatedAtMs,
        Version = row.Version,
    };

    private static Image? Cover(CollectionRow row) => row.Media.Length == 0 ? null : JsonParser.Default.Parse<Image>(row.Media);
}
