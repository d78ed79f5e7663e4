using System.Buffers;

namespace Grpc.Core;

/// <summary>Turns messages of one type into bytes and back.</summary>
public sealed class Marshaller<T>(Action<T, SerializationContext> serializer, Func<DeserializationContext, T> deserializer)
{
    /// <summary>Writes a message into the context and completes it.</summary>
    public Action<T, SerializationContext> ContextualSerializer { get; } = serializer;

    /// <summary>Reads a message from the context.</summary>
    public Func<DeserializationContext, T> ContextualDeserializer { get; } = deserializer;
}

/// <summary>Creates marshallers.</summary>
public static class Marshallers
{
    /// <summary>A marshaller of two functions; generated stubs call this.</summary>
    public static Marshaller<T> Create<T>(Action<T, SerializationContext> serializer, Func<DeserializationContext, T> deserializer) =>
        new(serializer, deserializer);
}

/// <summary>Where a serializer writes one message: either a whole array, or a length and then a buffer.</summary>
public abstract class SerializationContext
{
    /// <summary>The message is this array.</summary>
    public abstract void Complete(byte[] payload);

    /// <summary>Where to write the message's bytes.</summary>
    public abstract IBufferWriter<byte> GetBufferWriter();

    /// <summary>Announces the length, so that the buffer fits at once.</summary>
    public abstract void SetPayloadLength(int payloadLength);

    /// <summary>All bytes are in the buffer.</summary>
    public abstract void Complete();
}

/// <summary>Where a deserializer reads one message.</summary>
public abstract class DeserializationContext
{
    /// <summary>The message's length in bytes.</summary>
    public abstract int PayloadLength { get; }

    /// <summary>A copy of the message.</summary>
    public abstract byte[] PayloadAsNewBuffer();

    /// <summary>The message in place; valid only until the deserializer returns.</summary>
    public abstract ReadOnlySequence<byte> PayloadAsReadOnlySequence();
}
