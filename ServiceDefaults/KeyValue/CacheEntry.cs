using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;

namespace FeedMall.ServiceDefaults.KeyValue;

/// <summary>
/// A value as the store keeps it: <c>version(1) kind(1) stamp(16) protobuf</c>. What has another version, another stamp or another shape is no value of ours.
/// </summary>
internal static class CacheEntry
{
    private const byte Version = 1;
    private const byte Present = 1;
    private const byte Absent = 2;
    private const int HeaderBytes = 2 + Stamps.Bytes;

    /// <summary>The bytes of a value, or of knowing that there is none.</summary>
    public static byte[] Write(Guid stamp, IMessage? value)
    {
        var bytes = new byte[HeaderBytes + (value?.CalculateSize() ?? 0)];
        bytes[0] = Version;
        bytes[1] = value is null ? Absent : Present;
        stamp.TryWriteBytes(bytes.AsSpan(2));
        value?.WriteTo(bytes.AsSpan(HeaderBytes));
        return bytes;
    }

    /// <summary>Reads an entry; false unless it is whole and carries this stamp. The value is null when there is known to be none.</summary>
    public static bool TryRead<T>(ReadOnlySpan<byte> bytes, Guid stamp, MessageParser<T> parser, out T? value) where T : class, IMessage<T>
    {
        value = null;
        if (bytes.Length < HeaderBytes || bytes[0] != Version || new Guid(bytes.Slice(2, Stamps.Bytes)) != stamp) return false;
        return bytes[1] == Absent ? bytes.Length == HeaderBytes : bytes[1] == Present && TryParse(bytes[HeaderBytes..], parser, out value);
    }

    private static bool TryParse<T>(ReadOnlySpan<byte> bytes, MessageParser<T> parser, [NotNullWhen(true)] out T? value) where T : class, IMessage<T>
    {
        try
        {
            value = parser.ParseFrom(bytes);
            return true;
        }
        catch (InvalidProtocolBufferException)
        {
            value = null;
            return false;
        }
    }
}
