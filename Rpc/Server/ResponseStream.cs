using Grpc.Core;

namespace FeedMall.Rpc.Server;

/// <summary>The responses of a streaming method.</summary>
internal sealed class ResponseStream<T>(ServerCall call, Marshaller<T> marshaller) : IServerStreamWriter<T>
{
    /// <inheritdoc/>
    public WriteOptions? WriteOptions { get => call.WriteOptions; set => call.WriteOptions = value; }

    /// <inheritdoc/>
    public Task WriteAsync(T message) => call.WriteAsync(marshaller, message, CancellationToken.None);

    /// <inheritdoc/>
    public Task WriteAsync(T message, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        // A method that passes the call's own token means what every write does anyway.
        var token = !cancellationToken.CanBeCanceled || cancellationToken == call.CancellationToken ? CancellationToken.None : cancellationToken;
        return call.WriteAsync(marshaller, message, token);
    }
}
