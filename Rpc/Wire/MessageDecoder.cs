using System.Buffers;
using System.Buffers.Binary;
using Grpc.Core;

namespace FeedMall.Rpc.Wire;

/// <summary>
/// What both readers of length-prefixed messages do alike (spec §13.1.4): message = flag (1 byte) length (4 bytes, big-endian) payload.
/// One reader per direction of a call; not for concurrent use.
/// </summary>
internal abstract class MessageDecoder(int maxBytes) : DeserializationContext
{
    public const int PrefixBytes = 5;

    private ReadOnlySequence<byte> _payload;

    /// <summary>How messages whose flag is set are compressed; set before the first one is read. Null: none may be.</summary>
    public string? Encoding { get; set; }

    /// <summary>Whether the message that was read last came compressed.</summary>
    public bool LastWasCompressed { get; private set; }

    /// <inheritdoc/>
    public override int PayloadLength => (int)_payload.Length;

    /// <inheritdoc/>
    public override byte[] PayloadAsNewBuffer() => _payload.ToArray();

    /// <inheritdoc/>
    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => _payload;

    /// <summary>The payload's length. The limit is checked here, so that an oversized message is never gathered in memory.</summary>
    /// <exception cref="RpcException">INTERNAL for a flag that makes no sense, RESOURCE_EXHAUSTED for a length over the limit.</exception>
    protected int ReadPrefix(ReadOnlySpan<byte> prefix)
    {
        if (prefix[0] > 1) throw Malformed("The message has an unknown compression flag.");
        LastWasCompressed = prefix[0] == 1;
        if (LastWasCompressed && Encoding != Compression.Gzip) throw Malformed("The message is compressed but no grpc-encoding was named.");
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (length > maxBytes)
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"The message has {length} bytes; at most {maxBytes} are accepted."));
        return (int)length;
    }

    /// <summary>The message of a payload that has arrived whole.</summary>
    /// <exception cref="RpcException">INTERNAL: it cannot be decoded.</exception>
    protected T Decode<T>(Marshaller<T> marshaller, ReadOnlySequence<byte> payload)
    {
        using var plain = LastWasCompressed ? Compression.Decompress(payload, maxBytes) : null;
        _payload = plain is null ? payload : new ReadOnlySequence<byte>(plain.Written);
        try
        {
            return marshaller.ContextualDeserializer(this);
        }
        catch (Google.Protobuf.InvalidProtocolBufferException)
        {
            throw Malformed("The message cannot be decoded.");
        }
        finally
        {
            _payload = default;
        }
    }

    protected static RpcException Malformed(string what) => new(new Status(StatusCode.Internal, what));
}
