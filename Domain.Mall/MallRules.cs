using FeedMall.Proto.Mall.V1;
using FeedMall.ServiceDefaults.Validation;

namespace FeedMall.Domain.Mall;

/// <summary>What texts and amounts of shops, products and collections must look like.</summary>
internal static class MallRules
{
    public const int MaxTitle = 120;
    public const int MaxDescription = 10_000;
    public const int MaxImages = 9;
    public const int MaxTags = 10;
    private const long MaxMinorUnits = 1_000_000_000_000;

    /// <summary>A price must be there, exact and in a currency.</summary>
    public static FieldErrors Money(this FieldErrors errors, string field, Money? money) => money is null
        ? errors.Add(field, "must be there")
        : errors
            .Require(money.MinorUnits is >= 0 and <= MaxMinorUnits, $"{field}.amount", $"must be 0 to {MaxMinorUnits}, in the smallest unit of the currency")
            .Require(money.Currency.Length == 3 && money.Currency.All(char.IsAsciiLetterUpper), $"{field}.currency", "must be three capital letters, like EUR");
}
