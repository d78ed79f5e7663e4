using System.Buffers;
using System.Buffers.Binary;
using Grpc.Core;

namespace FeedMall.Rpc.Wire;

/// <summary>
/// Writes length-prefixed messages (spec §13.1.4) into buffers, without a copy when the serializer announces the length and nothing is
/// compressed. One writer per direction of a call; not for concurrent use.
/// </summary>
internal sealed class MessageWriter(int? maxBytes) : SerializationContext, IBufferWriter<byte>
{
    private const int PrefixBytes = 5;
    private const int FirstBytes = 1024;
    // What fits into a block of Kestrel's memory; more would be rented and thrown away.
    private const int MaxRoomBytes = 4096;

    private IBufferWriter<byte> _target = null!;
    private PooledBuffer? _gathered;
    // Room for the whole message, of which so much is written. Asking a pipe for memory takes a lock, so it is done once.
    private Memory<byte> _room;
    private int _written;
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
            if (!_room.IsEmpty) CommitRoom();
        }
        finally
        {
            _gathered?.Dispose();
            _gathered = null;
            _room = default;
        }
    }

    /// <inheritdoc/>
    public override void SetPayloadLength(int payloadLength) => _length = payloadLength;

    /// <inheritdoc/>
    public override IBufferWriter<byte> GetBufferWriter()
    {
        if (!_room.IsEmpty) return this;
        if (_compress || _length is not { } length) return _gathered ??= new PooledBuffer(_length ?? FirstBytes);
        if (_target is PooledBuffer || length > MaxRoomBytes - PrefixBytes)
        {
            WritePrefix(length, 0);
            (_target as PooledBuffer)?.EnsureRoom(length);
            return _target;
        }
        ThrowIfOver(length);
        _room = _target.GetMemory(PrefixBytes + length);
        _written = PrefixBytes;
        return this;
    }

    void IBufferWriter<byte>.Advance(int count)
    {
        if (_gathered is null) _written += count;
        else _gathered.Advance(count);
    }

    Memory<byte> IBufferWriter<byte>.GetMemory(int sizeHint) => HasRoom(sizeHint) ? _room[_written..] : Gather().GetMemory(sizeHint);

    Span<byte> IBufferWriter<byte>.GetSpan(int sizeHint) => HasRoom(sizeHint) ? _room.Span[_written..] : Gather().GetSpan(sizeHint);

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
        FormatPrefix(_target.GetSpan(PrefixBytes), length, flag);
        _target.Advance(PrefixBytes);
    }

    private static void FormatPrefix(Span<byte> prefix, int length, byte flag)
    {
        prefix[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(prefix[1..], (uint)length);
    }

    private bool HasRoom(int sizeHint) => _gathered is null && _room.Length - _written >= Math.Max(sizeHint, 1);

    // A serializer may want more room than it announced.
    private PooledBuffer Gather()
    {
        _gathered ??= CopyOf(_room.Span[PrefixBytes.._written]);
        _room = default;
        return _gathered;
    }

    private static PooledBuffer CopyOf(ReadOnlySpan<byte> bytes)
    {
        var copy = new PooledBuffer(FirstBytes);
        copy.Write(bytes);
        return copy;
    }

    private void CommitRoom()
    {
        ThrowIfOver(_written - PrefixBytes);
        FormatPrefix(_room.Span, _written - PrefixBytes, 0);
        _target.Advance(_written);
    }

    private void ThrowIfOver(int length)
    {
        if (length > maxBytes)
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"The message has {length} bytes; at most {maxBytes} may be sent."));
    }
}
