using FeedMall.ServiceDefaults.Validation;
using FluentValidation;

namespace FeedMall.Bff.Requests;

/// <summary>Rules that several bodies share.</summary>
internal static class Rules
{
    private const int MaxUrlLength = 2048;
    private const int MaxPixels = 100_000;

    /// <summary>Text of a length without control characters but line breaks and tabs; null passes.</summary>
    public static IRuleBuilderOptions<T, string?> IsText<T>(this IRuleBuilder<T, string?> rule, int min, int max) => rule
        .Must(text => text is null || (text.Length >= min && text.Length <= max && (min == 0 || !string.IsNullOrWhiteSpace(text))))
        .WithMessage(min == 0 ? $"must have at most {max} characters" : $"must have {min} to {max} characters and not be blank")
        .Must(text => text is null || !text.AsSpan().ContainsAny(Characters.Forbidden))
        .WithMessage("must not contain control characters");

    /// <summary>An absolute http or https address; must be there.</summary>
    public static IRuleBuilderOptions<T, string?> IsUrl<T>(this IRuleBuilder<T, string?> rule) => rule
        .Must(url => url is { Length: <= MaxUrlLength } && Uri.TryCreate(url, UriKind.Absolute, out var parsed) && parsed.Scheme is "http" or "https"
            && !url.AsSpan().ContainsAny(Characters.Forbidden))
        .WithMessage($"must be an http or https address of at most {MaxUrlLength} characters");

    /// <summary>A width or height; null passes.</summary>
    public static IRuleBuilderOptions<T, int?> IsPixels<T>(this IRuleBuilder<T, int?> rule) =>
        rule.InclusiveBetween(0, MaxPixels).WithMessage($"must be 0 to {MaxPixels} pixels");

    /// <summary>An id; must be there.</summary>
    public static IRuleBuilderOptions<T, string?> IsId<T>(this IRuleBuilder<T, string?> rule) =>
        rule.Must(text => Id.TryRead(text, out _)).WithMessage(Id.Rule);

    /// <summary>At most so many; null passes.</summary>
    public static IRuleBuilderOptions<T, IReadOnlyList<TItem>?> IsShort<T, TItem>(this IRuleBuilder<T, IReadOnlyList<TItem>?> rule, int max) =>
        rule.Must(items => items is null || items.Count <= max).WithMessage($"must be at most {max}");
}
