using System.Buffers;
using System.Buffers.Binary;
using Grpc.Core;

namespace FeedMall.Rpc.Wire;

/// <summary>Writes one length-prefixed message (spec §13.1.4) into a buffer, without a copy when the serializer announces its length.</summary>
internal sealed class MessageWriter : SerializationContext
{
    private const int PrefixBytes = 5;

    private readonly IBufferWriter<byte> _target;
    private readonly int? _maxBytes;
    private ArrayBufferWriter<byte>? _unannounced;
    private int? _length;

    private MessageWriter(IBufferWriter<byte> target, int? maxBytes) => (_target, _maxBytes) = (target, maxBytes);

    /// <summary>Writes the message and its prefix.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: the message is larger than the limit. Nothing was written.</exception>
    public static void Write<T>(IBufferWriter<byte> target, Marshaller<T> marshaller, T message, int? maxBytes) =>
        marshaller.ContextualSerializer(message, new MessageWriter(target, maxBytes));

    /// <inheritdoc/>
    public override void SetPayloadLength(int payloadLength) => _length = payloadLength;

    /// <inheritdoc/>
    public override IBufferWriter<byte> GetBufferWriter()
    {
        if (_length is not { } length) return _unannounced = new ArrayBufferWriter<byte>();
        WritePrefix(length);
        return _target;
    }

    /// <inheritdoc/>
    public override void Complete(byte[] payload)
    {
        WritePrefix(payload.Length);
        _target.Write(payload);
    }

    /// <inheritdoc/>
    public override void Complete()
    {
        if (_unannounced is null) return;
        WritePrefix(_unannounced.WrittenCount);
        _target.Write(_unannounced.WrittenSpan);
    }

    private void WritePrefix(int length)
    {
        if (length > _maxBytes)
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"The message has {length} bytes; at most {_maxBytes} may be sent."));
        var prefix = _target.GetSpan(PrefixBytes);
        prefix[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(prefix[1..], (uint)length);
        _target.Advance(PrefixBytes);
    }
}
