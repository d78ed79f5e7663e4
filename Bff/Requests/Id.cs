using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using FeedMall.ServiceDefaults.Validation;

namespace FeedMall.Bff.Requests;

/// <summary>
/// An id in a path or query: a positive 64-bit number in decimal digits. Parsing never fails, so that the refusal of a bad one can name
/// its field: <see cref="Value"/> does.
/// </summary>
internal readonly record struct Id(string Text) : IParsable<Id>
{
    public const string Rule = "must be a positive 64-bit number in decimal digits";
    private const int MaxDigits = 19;

    /// <summary>The number.</summary>
    /// <exception cref="Rpc.Errors.ServiceException">VALIDATION_FAILED for the field "id": it is none.</exception>
    public long Value => ValueOf("id");

    /// <summary>The number, of a field that is not called "id".</summary>
    /// <exception cref="Rpc.Errors.ServiceException">VALIDATION_FAILED: it is none.</exception>
    public long ValueOf(string field)
    {
        if (!TryRead(Text, out var value)) new FieldErrors().Add(field, Rule).ThrowIfAny();
        return value;
    }

    public static bool TryRead(string? text, out long value)
    {
        value = 0;
        // The framework reads "1\0" as 1.
        return text is { Length: > 0 and <= MaxDigits } && text[0] != '0' && !text.AsSpan().ContainsAnyExceptInRange('0', '9')
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }

    public static string Write(long id) => id.ToString(CultureInfo.InvariantCulture);

    public static Id Parse(string s, IFormatProvider? provider) => new(s);

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Id result)
    {
        result = new Id(s ?? "");
        return true;
    }
}
