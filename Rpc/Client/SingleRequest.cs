using System.Net;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>
/// The one request of a call, in bytes: its message may change after the call has begun. It is its own body, for every attempt. The
/// array goes back to the pool when the call and all sending have ended, whichever is last.
/// </summary>
internal sealed class SingleRequest : HttpContent, IRequestSource
{
    private readonly PooledBuffer _bytes = new(256);
    // The call itself counts as one; 0 means that the array is gone.
    private int _users = 1;

    private SingleRequest() => Headers.TryAddWithoutValidation("content-type", HeaderNames.ContentType);

    /// <summary>The request as it travels.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: it is larger than the limit.</exception>
    public static SingleRequest Create<T>(Marshaller<T> marshaller, T message, int? maxBytes, bool compress)
    {
        var request = new SingleRequest();
        new MessageWriter(maxBytes).Write(request._bytes, marshaller, message, compress);
        return request;
    }

    public bool CanSendAgain => true;

    public HttpContent CreateContent() => this;

    public void Commit() { }

    public void Close(CallOutcome outcome) => Release();

    protected override bool TryComputeLength(out long length)
    {
        length = _bytes.Length;
        return true;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (!TryUse()) throw new OperationCanceledException("The call has ended.");
        var write = stream.WriteAsync(_bytes.Written, cancellationToken);
        if (!write.IsCompletedSuccessfully) return ReleaseAfterAsync(write);
        Release();
        return Task.CompletedTask;
    }

    private async Task ReleaseAfterAsync(ValueTask write)
    {
        try
        {
            await write;
        }
        finally
        {
            Release();
        }
    }

    private bool TryUse()
    {
        var users = Volatile.Read(ref _users);
        while (users > 0)
        {
            var seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users) return true;
            users = seen;
        }
        return false;
    }

    private void Release()
    {
        if (Interlocked.Decrement(ref _users) == 0) _bytes.Dispose();
    }
}
