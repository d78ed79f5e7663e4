using Grpc.Core;

namespace FeedMall.Rpc.Server;

/// <summary>The requests of a streaming method, checked one by one as they are read.</summary>
internal sealed class RequestStream<T>(ServerCall call, Marshaller<T> marshaller, IRequestValidator<T>? validator) : IAsyncStreamReader<T>
    where T : class
{
    /// <inheritdoc/>
    public T Current { get; private set; } = null!;

    /// <inheritdoc/>
    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        using var either = cancellationToken.CanBeCanceled && cancellationToken != call.CancellationToken
            ? CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, call.CancellationToken) : null;
        var message = await call.Requests.ReadAsync(marshaller, either?.Token ?? call.CancellationToken);
        Current = message!;
        if (message is null) return false;
        validator?.Validate(message);
        return true;
    }
}
