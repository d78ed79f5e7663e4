using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace FeedMall.KvStore.Protocol;

/// <summary>Numbers as the protocol and its commands spell them.</summary>
internal static class Numbers
{
    /// <summary>Room for any 64-bit integer.</summary>
    public const int MaxIntegerBytes = 20;

    /// <summary>Room for any number that <see cref="FormatScore"/> writes.</summary>
    public const int MaxScoreBytes = 32;

    /// <summary>Reads an integer in its one right spelling: no blanks, no plus, no leading zeros, no minus zero.</summary>
    public static bool TryParseInteger(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        if (text.Length is 0 or > MaxIntegerBytes) return false;
        var digits = text[0] == '-' ? text[1..] : text;
        if (digits.Length == 0 || (digits[0] == '0' && text.Length > 1) || !char.IsAsciiDigit((char)digits[0])) return false;
        return Utf8Parser.TryParse(text, out value, out var used) && used == text.Length;
    }

    /// <summary>Reads a finite or infinite number: decimal or with an exponent, inf, -inf. Not a number is none.</summary>
    public static bool TryParseDouble(ReadOnlySpan<byte> text, out double value)
    {
        value = 0;
        if (text.Length is 0 or > 256) return false;
        Span<char> chars = stackalloc char[text.Length];
        for (var i = 0; i < text.Length; i++) chars[i] = (char)text[i];
        if (double.TryParse(chars, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out value))
            return double.IsFinite(value) || TryParseInfinity(chars, out _);
        return TryParseInfinity(chars, out value);
    }

    /// <summary>Writes 17 digits, with an exponent where that is shorter, as C's %.17g: the spelling of scores.</summary>
    public static string FormatScore(double value)
    {
        if (double.IsInfinity(value)) return value > 0 ? "inf" : "-inf";
        if (double.IsNaN(value)) return "nan";
        if (value == 0) return double.IsNegative(value) ? "-0" : "0";
        return value.ToString("G17", CultureInfo.InvariantCulture).Replace('E', 'e');
    }

    /// <summary>Writes the shortest decimal spelling that reads back as the same number, without an exponent.</summary>
    public static string Format(double value)
    {
        if (double.IsInfinity(value)) return value > 0 ? "inf" : "-inf";
        if (double.IsNaN(value)) return "nan";
        if (value == 0) return double.IsNegative(value) ? "-0" : "0";
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        var e = text.IndexOf('E', StringComparison.Ordinal);
        return e < 0 ? text : WithoutExponent(text[..e], int.Parse(text.AsSpan(e + 1), CultureInfo.InvariantCulture));
    }

    private static bool TryParseInfinity(ReadOnlySpan<char> text, out double value)
    {
        var unsigned = text[0] is '+' or '-' ? text[1..] : text;
        value = text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
        return unsigned.Equals("inf", StringComparison.OrdinalIgnoreCase) || unsigned.Equals("infinity", StringComparison.OrdinalIgnoreCase);
    }

    private static string WithoutExponent(string mantissa, int exponent)
    {
        var sign = mantissa[0] == '-' ? "-" : "";
        var digits = mantissa.Replace("-", "", StringComparison.Ordinal);
        var point = digits.IndexOf('.', StringComparison.Ordinal);
        var whole = (point < 0 ? digits.Length : point) + exponent;
        digits = digits.Replace(".", "", StringComparison.Ordinal);
        var text = new StringBuilder(sign);
        if (whole <= 0) return text.Append("0.").Append('0', -whole).Append(digits).ToString();
        if (whole >= digits.Length) return text.Append(digits).Append('0', whole - digits.Length).ToString();
        return text.Append(digits, 0, whole).Append('.').Append(digits, whole, digits.Length - whole).ToString();
    }
}
