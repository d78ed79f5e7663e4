using System.Text;

namespace FeedMall.Rpc.Wire;

/// <summary>How grpc-message travels in a header (spec §13.2.5): UTF-8, every byte outside of 0x20–0x7E and '%' as %XX.</summary>
internal static class PercentCoding
{
    private const string Digits = "0123456789ABCDEF";

    /// <summary>Text to header value. Lone surrogates become U+FFFD.</summary>
    public static string Encode(string text)
    {
        if (!text.AsSpan().ContainsAnyExceptInRange(' ', '~') && !text.Contains('%')) return text;
        var encoded = new StringBuilder(text.Length * 2);
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            if (b is >= 0x20 and <= 0x7E and not (byte)'%') encoded.Append((char)b);
            else encoded.Append('%').Append(Digits[b >> 4]).Append(Digits[b & 15]);
        }
        return encoded.ToString();
    }

    /// <summary>Header value to text. Never fails: what is no %XX stays as it is, what is no UTF-8 becomes U+FFFD.</summary>
    public static string Decode(string value)
    {
        if (!value.Contains('%')) return value;
        // In place: what is decoded never gets longer.
        var bytes = Encoding.UTF8.GetBytes(value);
        var count = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            var b = bytes[i];
            if (b == '%' && i + 2 < bytes.Length && char.IsAsciiHexDigit((char)bytes[i + 1]) && char.IsAsciiHexDigit((char)bytes[i + 2]))
            {
                b = (byte)(ValueOf(bytes[i + 1]) << 4 | ValueOf(bytes[i + 2]));
                i += 2;
            }
            bytes[count++] = b;
        }
        return Encoding.UTF8.GetString(bytes, 0, count);
    }

    private static int ValueOf(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
