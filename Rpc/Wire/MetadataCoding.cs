using System.Diagnostics.CodeAnalysis;
using Grpc.Core;

namespace FeedMall.Rpc.Wire;

/// <summary>Metadata entries to header values and back (spec §12): binary ones as base64, sent without padding, read either way.</summary>
internal static class MetadataCoding
{
    /// <summary>The value as it stands in the header.</summary>
    public static string Encode(Metadata.Entry entry) =>
        entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes).TrimEnd('=') : entry.Value;

    /// <summary>Adds what one header line holds; several binary values may stand in one line, parted by commas. What cannot be read is left out.</summary>
    public static void Decode(Metadata metadata, string name, string? value)
    {
        if (value is null || HeaderNames.IsReserved(name) || !Metadata.Entry.IsKey(name)) return;
        if (!name.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.OrdinalIgnoreCase))
        {
            if (Metadata.Entry.IsText(value)) metadata.Add(name, value);
            return;
        }
        foreach (var part in value.Split(','))
        {
            if (TryDecodeBase64(part.Trim(), out var bytes)) metadata.Add(name, bytes);
        }
    }

    /// <summary>Base64 with or without padding.</summary>
    public static bool TryDecodeBase64(string text, [NotNullWhen(true)] out byte[]? bytes)
    {
        var padded = text.Length % 4 == 0 ? text : text.PadRight(text.Length + 4 - text.Length % 4, '=');
        var buffer = new byte[padded.Length / 4 * 3];
        bytes = Convert.TryFromBase64String(padded, buffer, out var written) ? buffer[..written] : null;
        return bytes is not null;
    }
}
