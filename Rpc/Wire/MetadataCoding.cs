using System.Diagnostics.CodeAnalysis;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace FeedMall.Rpc.Wire;

/// <summary>Metadata entries to header values and back (spec §12): binary ones as base64, sent without padding, read either way.</summary>
internal static class MetadataCoding
{
    /// <summary>What an entry costs beside its name and its value (RFC 9113 section 6.5.2).</summary>
    public const int BytesPerEntry = 32;

    /// <summary>The value as it stands in the header.</summary>
    public static string Encode(Metadata.Entry entry) =>
        entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes).TrimEnd('=') : entry.Value;

    /// <summary>How much room the entries take in a header block before it is compressed (RFC 9113 section 6.5.2).</summary>
    public static int SizeOf(Metadata? metadata)
    {
        var bytes = 0;
        for (var i = 0; i < metadata?.Count; i++)
        {
            var entry = metadata[i];
            bytes += BytesPerEntry + entry.Key.Length + (entry.IsBinary ? (entry.ValueBytes.Length * 4 + 2) / 3 : entry.Value.Length);
        }
        return bytes;
    }

    /// <summary>Appends all entries to headers or trailers.</summary>
    public static void Append(Metadata? metadata, IHeaderDictionary headers)
    {
        for (var i = 0; i < metadata?.Count; i++)
        {
            if (!HeaderNames.IsReserved(metadata[i].Key)) headers.Append(metadata[i].Key, Encode(metadata[i]));
        }
    }

    /// <summary>A method that sets the protocol's own headers is wrong, and hears of it while it can still be answered.</summary>
    public static void ThrowIfReserved(string key)
    {
        if (HeaderNames.IsReserved(key)) throw new ArgumentException($"The key '{key}' belongs to the protocol and cannot be metadata.");
    }

    /// <summary>Adds what one header line holds; several binary values may stand in one line, parted by commas. What cannot be read is left out.</summary>
    public static void Decode(Metadata metadata, string name, string? value)
    {
        if (value is null || HeaderNames.IsReserved(name) || !Metadata.Entry.IsKey(name)) return;
        if (!name.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.OrdinalIgnoreCase))
        {
            if (Metadata.Entry.IsText(value)) metadata.Add(name, value);
            return;
        }
        foreach (var part in value.AsSpan().Split(','))
        {
            if (TryDecodeBase64(value.AsSpan()[part].Trim(), out var bytes)) metadata.Add(name, bytes);
        }
    }

    /// <summary>Base64 with or without padding, and nothing else in between.</summary>
    public static bool TryDecodeBase64(ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        var digits = text.TrimEnd('=');
        if (digits.Length % 4 == 1 || text.Length - digits.Length > 2 || digits.ContainsAny(" \t\r\n")) return false;
        var buffer = new byte[digits.Length * 3 / 4];
        var padded = string.Concat(digits, "==".AsSpan(0, (4 - digits.Length % 4) % 4));
        if (!Convert.TryFromBase64String(padded, buffer, out var written) || written != buffer.Length) return false;
        bytes = buffer;
        return true;
    }
}
