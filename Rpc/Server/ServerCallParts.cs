using System.IO.Pipelines;
using FeedMall.Rpc.Wire;

namespace FeedMall.Rpc.Server;

/// <summary>What a call needs for itself as long as it lasts, and the next one after it.</summary>
internal sealed class ServerCallParts(GrpcServiceOptions options, TimeProvider clock) : IDisposable
{
    private MessageReader? _reader;

    public DeadlineTimer Deadline { get; } = new(clock);

    public MessageWriter Writer { get; } = new(options.MaxSendMessageBytes);

    /// <summary>A reader of this body.</summary>
    public MessageReader Read(PipeReader body)
    {
        if (_reader is null) _reader = new MessageReader(body, options.MaxReceiveMessageBytes);
        else _reader.Restart(body);
        return _reader;
    }

    public void Dispose() => Deadline.Dispose();
}
