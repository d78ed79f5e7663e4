using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Grpc.Core;

namespace FeedMall.Rpc.Wire;

/// <summary>
/// Reads length-prefixed messages (spec §13.1.4): message = flag (1 byte) length (4 bytes, big-endian) payload. Where the bytes are
/// cut into frames does not matter. One reader per direction of a call; not for concurrent use.
/// </summary>
internal sealed class MessageReader(PipeReader pipe, int maxBytes) : DeserializationContext
{
    private const int PrefixBytes = 5;

    private ReadOnlySequence<byte> _payload;

    /// <inheritdoc/>
    public override int PayloadLength => (int)_payload.Length;

    /// <inheritdoc/>
    public override byte[] PayloadAsNewBuffer() => _payload.ToArray();

    /// <inheritdoc/>
    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => _payload;

    /// <summary>The next message, or null at a clean end.</summary>
    /// <exception cref="RpcException">INTERNAL for a malformed or cut-off message, RESOURCE_EXHAUSTED for one over the limit.</exception>
    public async ValueTask<T?> ReadAsync<T>(Marshaller<T> marshaller, CancellationToken cancellationToken) where T : class
    {
        while (true)
        {
            var result = await pipe.ReadAsync(cancellationToken);
            if (result.IsCanceled) throw new OperationCanceledException(cancellationToken);
            var buffer = result.Buffer;
            if (TryFindPayload(buffer))
            {
                var message = Deserialize(marshaller);
                pipe.AdvanceTo(_payload.End);
                _payload = default;
                return message;
            }
            if (result.IsCompleted)
            {
                if (buffer.IsEmpty) return null;
                throw Malformed("The message is cut off.");
            }
            pipe.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    // The limit is checked on the prefix, so that an oversized message is never gathered in memory.
    private bool TryFindPayload(ReadOnlySequence<byte> buffer)
    {
        if (buffer.Length < PrefixBytes) return false;
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        buffer.Slice(0, PrefixBytes).CopyTo(prefix);
        if (prefix[0] == 1) throw Malformed("The message is compressed but no grpc-encoding was named.");
        if (prefix[0] != 0) throw Malformed("The message has an unknown compression flag.");
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (length > maxBytes)
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"The message has {length} bytes; at most {maxBytes} are accepted."));
        if (buffer.Length < PrefixBytes + length) return false;
        _payload = buffer.Slice(PrefixBytes, length);
        return true;
    }

    private T Deserialize<T>(Marshaller<T> marshaller)
    {
        try
        {
            return marshaller.ContextualDeserializer(this);
        }
        catch (Google.Protobuf.InvalidProtocolBufferException)
        {
            throw Malformed("The message cannot be decoded.");
        }
    }

    private static RpcException Malformed(string what) => new(new Status(StatusCode.Internal, what));
}
