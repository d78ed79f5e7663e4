using System.Buffers;
using System.Buffers.Binary;
using Grpc.Core;

namespace FeedMall.Rpc.Wire;

/// <summary>
/// Writes length-prefixed messages (spec §13.1.4) into buffers, without a copy when the serializer announces the length and nothing is
/// compressed. One writer per direction of a call; not for concurrent use.
/// </summary>
internal sealed class MessageWriter(int? maxBytes) : SerializationContext
{
    private const int PrefixBytes = 5;
    private const int FirstBytes = 1024;

    private IBufferWriter<byte> _target = null!;
    private PooledBuffer? _gathered;
    private bool _compress;
    private int? _length;

    /// <summary>Writes the message and its prefix.</summary>
    /// <param name="compress">As gzip; the headers must have said so.</param>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: the message is larger than the limit. Nothing was written.</exception>
    public void Write<T>(IBufferWriter<byte> target, Marshaller<T> marshaller, T message, bool compress = false)
    {
        (_target, _compress, _length) = (target, compress, null);
        try
        {
            marshaller.ContextualSerializer(message, this);
        }
        finally
        {
            _gathered?.Dispose();
            _gathered = null;
        }
    }

    /// <inheritdoc/>
    public override void SetPayloadLength(int payloadLength) => _length = payloadLength;

    /// <inheritdoc/>
    public override IBufferWriter<byte> GetBufferWriter()
    {
        if (_compress || _length is not { } length) return _gathered ??= new PooledBuffer(_length ?? FirstBytes);
        WritePrefix(length, 0);
        (_target as PooledBuffer)?.EnsureRoom(length);
        return _target;
    }

    /// <inheritdoc/>
    public override void Complete(byte[] payload) => WriteWhole(payload);

    /// <inheritdoc/>
    public override void Complete()
    {
        if (_gathered is not null) WriteWhole(_gathered.Written.Span);
    }

    private void WriteWhole(ReadOnlySpan<byte> payload)
    {
        ThrowIfOver(payload.Length);
        // The gzip encoder writes no bytes at all for an empty message, which is no gzip for others.
        if (_compress && payload.Length > 0)
        {
            using var compressed = new PooledBuffer(FirstBytes);
            Compression.Compress(payload, compressed);
            WritePrefix(compressed.Length, 1);
            _target.Write(compressed.Written.Span);
            return;
        }
        WritePrefix(payload.Length, 0);
        _target.Write(payload);
    }

    private void WritePrefix(int length, byte flag)
    {
        ThrowIfOver(length);
        var prefix = _target.GetSpan(PrefixBytes);
        prefix[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(prefix[1..], (uint)length);
        _target.Advance(PrefixBytes);
    }

    private void ThrowIfOver(int length)
    {
        if (length > maxBytes)
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"The message has {length} bytes; at most {maxBytes} may be sent."));
    }
}
