using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Mall.V1;

namespace FeedMall.AllInOne.Demo;

/// <summary>Turns the words into shops, products and collections: always the same ones, in the same order.</summary>
internal static class DemoMall
{
    private const string Currency = "EUR";

    /// <summary>A shop.</summary>
    public static CreateShopRequest Shop(DemoShop shop, int number) => new()
    {
        Name = shop.Name,
        Description = shop.Line,
        Logo = new Image { Url = $"https://img.feedmall.example/shops/{number}/logo.png", Width = 256, Height = 256 },
    };

    /// <summary>The shop's product of this number.</summary>
    public static CreateProductRequest Product(DemoTexts texts, DemoShop shop, int shopNumber, int number, long shopId)
    {
        var grade = texts.Grades[(shopNumber + number) % texts.Grades.Count];
        var product = new CreateProductRequest
        {
            ShopId = shopId,
            Title = $"{grade} {shop.Goods[number]}",
            Description = $"{shop.Line} This {shop.Goods[number]} is from our {grade.ToLowerInvariant()} line and can be mended by us for as long as we exist.",
            Price = Price(shopNumber, number),
        };
        product.Images.Add(new Image { Url = $"https://img.feedmall.example/shops/{shopNumber}/products/{number}.jpg", Width = 900, Height = 900 });
        product.Tags.Add(new Tag { Name = shop.Goods[number].Split(' ')[^1] });
        product.Tags.Add(new Tag { Name = grade.ToLowerInvariant() });
        return product;
    }

    /// <summary>The shop's collection of this number: three of its products, each in every kind.</summary>
    public static CreateCollectionRequest Collection(DemoTexts texts, DemoShop shop, int shopNumber, int number, IReadOnlyList<Product> products)
    {
        var collection = new CreateCollectionRequest
        {
            ShopId = products[0].ShopId,
            Title = $"{texts.Collections[number]}: {shop.Goods[number]} and more",
            Description = $"{texts.Collections[number]} from {shop.Name}. {shop.Line}",
            Cover = new Image { Url = $"https://img.feedmall.example/shops/{shopNumber}/collections/{number}.jpg", Width = 1200, Height = 800 },
        };
        for (var i = 0; i < 3; i++)
        {
            var product = products[(number + i * 2) % products.Count];
            for (var kind = 0; kind < texts.Kinds.Count; kind++)
            {
                collection.Skus.Add(new NewSku
                {
                    ProductId = product.Id,
                    Name = texts.Kinds[kind],
                    Price = new Money { MinorUnits = product.Price.MinorUnits + kind * 250, Currency = Currency },
                    Stock = (shopNumber * 17 + number * 5 + kind * 29) % 120,
                });
            }
        }
        return collection;
    }

    private static Money Price(int shop, int product) => new()
    {
        MinorUnits = 390 + (shop * 977 + product * 1_733) % 9_600 / 10 * 10,
        Currency = Currency,
    };
}
