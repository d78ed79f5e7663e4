namespace Grpc.Core;

/// <summary>What to do differently when a message is written.</summary>
[Flags]
public enum WriteFlags
{
    /// <summary>Nothing.</summary>
    None = 0,
    /// <summary>More messages follow soon: this one may wait in the buffer for them.</summary>
    BufferHint = 1,
    /// <summary>This message is sent as it is in a call whose messages are compressed.</summary>
    NoCompress = 2,
}

/// <summary>How messages are written.</summary>
/// <param name="flags">What to do differently.</param>
public sealed class WriteOptions(WriteFlags flags = WriteFlags.None)
{
    /// <summary>The usual way.</summary>
    public static readonly WriteOptions Default = new();

    /// <summary>What to do differently.</summary>
    public WriteFlags Flags { get; } = flags;
}
