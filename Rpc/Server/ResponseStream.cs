using Grpc.Core;

namespace FeedMall.Rpc.Server;

/// <summary>The responses of a streaming method.</summary>
internal sealed class ResponseStream<T>(ServerCall call, Marshaller<T> marshaller) : IServerStreamWriter<T>
{
    /// <inheritdoc/>
    public Task WriteAsync(T message) => call.WriteAsync(marshaller, message, call.CancellationToken);

    /// <inheritdoc/>
    public Task WriteAsync(T message, CancellationToken cancellationToken) =>
        cancellationToken.CanBeCanceled ? WriteLinkedAsync(message, cancellationToken) : WriteAsync(message);

    private async Task WriteLinkedAsync(T message, CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(call.CancellationToken, cancellationToken);
        await call.WriteAsync(marshaller, message, linked.Token);
    }
}
