using FeedMall.Bff.Feed;
using FeedMall.Bff.Requests;
using FeedMall.Proto.Mall.V1;
using FluentValidation;

namespace FeedMall.Bff.Mall;

/// <summary>A new shop.</summary>
internal sealed record NewShop(string? Name, string? Description, ImageView? Logo);

/// <summary>A new product.</summary>
internal sealed record NewProduct(
    string? ShopId, string? Title, string? Description, PriceView? Price, IReadOnlyList<ImageView>? Images, IReadOnlyList<string>? Tags);

/// <summary>The fields of a product that can change, and the version that the caller saw.</summary>
internal sealed record ProductPatch(
    long? Version, string? Title, string? Description, PriceView? Price, IReadOnlyList<ImageView>? Images, IReadOnlyList<string>? Tags);

/// <summary>A new collection, a draft at first.</summary>
internal sealed record NewCollection(string? ShopId, string? Title, string? Description, ImageView? Cover, IReadOnlyList<NewSkuBody>? Skus);

/// <summary>A SKU of a new collection.</summary>
internal sealed record NewSkuBody(string? ProductId, string? Name, PriceView? Price, long? Stock);

/// <summary>The state that a collection shall have.</summary>
internal sealed record NewState(string? State);

internal sealed class PriceRules : AbstractValidator<PriceView>
{
    private const long MaxAmount = 1_000_000_000_000;

    public PriceRules()
    {
        RuleFor(price => price.Amount).NotNull().WithMessage("must be there")
            .InclusiveBetween(0, MaxAmount).WithMessage($"must be 0 to {MaxAmount}, in the smallest unit of the currency");
        RuleFor(price => price.Currency).NotNull().WithMessage("must be there").Matches("^[A-Z]{3}\\z").WithMessage("must be three capital letters, like EUR");
    }
}

internal sealed class NewShopRules : AbstractValidator<NewShop>
{
    public NewShopRules()
    {
        RuleFor(shop => shop.Name).NotNull().WithMessage("must be there").IsText(1, 80);
        RuleFor(shop => shop.Description).IsText(0, 2_000);
        RuleFor(shop => shop.Logo!).SetValidator(new ImageRules()).When(shop => shop.Logo is not null);
    }
}

internal sealed class NewProductRules : AbstractValidator<NewProduct>
{
    public NewProductRules()
    {
        RuleFor(product => product.ShopId).IsId();
        RuleFor(product => product.Title).NotNull().WithMessage("must be there").IsText(1, MallLimits.Title);
        RuleFor(product => product.Description).IsText(0, MallLimits.Description);
        RuleFor(product => product.Price).NotNull().WithMessage("must be there");
        RuleFor(product => product.Price!).SetValidator(new PriceRules()).When(product => product.Price is not null);
        RuleFor(product => product.Images).IsShort(MallLimits.Images);
        RuleForEach(product => product.Images).NotNull().WithMessage("must be there").SetValidator(new ImageRules());
        RuleFor(product => product.Tags).IsShort(MallLimits.Tags);
        RuleForEach(product => product.Tags).NotNull().WithMessage("must be there").IsText(1, MallLimits.Tag);
    }
}

internal sealed class ProductPatchRules : AbstractValidator<ProductPatch>
{
    public ProductPatchRules()
    {
        RuleFor(product => product.Version).NotNull().WithMessage("must be there: the version that you saw")
            .GreaterThan(0).WithMessage("must be the version that you saw");
        RuleFor(product => product.Title).IsText(1, MallLimits.Title);
        RuleFor(product => product.Description).IsText(0, MallLimits.Description);
        RuleFor(product => product.Price!).SetValidator(new PriceRules()).When(product => product.Price is not null);
        RuleFor(product => product.Images).IsShort(MallLimits.Images);
        RuleForEach(product => product.Images).NotNull().WithMessage("must be there").SetValidator(new ImageRules());
        RuleFor(product => product.Tags).IsShort(MallLimits.Tags);
        RuleForEach(product => product.Tags).NotNull().WithMessage("must be there").IsText(1, MallLimits.Tag);
    }
}

internal sealed class NewCollectionRules : AbstractValidator<NewCollection>
{
    public NewCollectionRules()
    {
        RuleFor(collection => collection.ShopId).IsId();
        RuleFor(collection => collection.Title).NotNull().WithMessage("must be there").IsText(1, MallLimits.Title);
        RuleFor(collection => collection.Description).IsText(0, MallLimits.Description);
        RuleFor(collection => collection.Cover!).SetValidator(new ImageRules()).When(collection => collection.Cover is not null);
        RuleFor(collection => collection.Skus).Must(skus => skus is { Count: >= 1 and <= MallLimits.Skus }).WithMessage($"must be 1 to {MallLimits.Skus}");
        RuleForEach(collection => collection.Skus).NotNull().WithMessage("must be there").SetValidator(new NewSkuRules());
    }
}

internal sealed class NewSkuRules : AbstractValidator<NewSkuBody>
{
    public NewSkuRules()
    {
        RuleFor(sku => sku.ProductId).IsId();
        RuleFor(sku => sku.Name).NotNull().WithMessage("must be there").IsText(1, 80);
        RuleFor(sku => sku.Price).NotNull().WithMessage("must be there");
        RuleFor(sku => sku.Price!).SetValidator(new PriceRules()).When(sku => sku.Price is not null);
        RuleFor(sku => sku.Stock).NotNull().WithMessage("must be there").InclusiveBetween(0, MallLimits.Stock).WithMessage($"must be 0 to {MallLimits.Stock} pieces");
    }
}

internal sealed class NewStateRules : AbstractValidator<NewState>
{
    public NewStateRules() => RuleFor(state => state.State)
        .Must(text => States.Read(text) != CollectionState.Unspecified).WithMessage("must be draft, published or deleted");
}

/// <summary>The contract's limits (proto/mall/v1).</summary>
internal static class MallLimits
{
    public const int Title = 120;
    public const int Description = 10_000;
    public const int Images = 9;
    public const int Tags = 10;
    public const int Tag = 32;
    public const int Skus = 50;
    public const long Stock = 1_000_000;
}
