using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>
/// The one request of a call, in bytes: its message may change after the call has begun. It is its own body, for every attempt. An
/// array as content is sent whole before the answer is looked at, which saves waiting for both at once.
/// </summary>
internal sealed class SingleRequest : ByteArrayContent, IRequestSource
{
    private readonly PooledBuffer _bytes;
    private int _attempts;

    private SingleRequest(PooledBuffer bytes) : base(bytes.Array, 0, bytes.Length)
    {
        _bytes = bytes;
        Headers.TryAddWithoutValidation("content-type", HeaderNames.ContentType);
    }

    /// <summary>The request as it travels.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: it is larger than the limit.</exception>
    public static SingleRequest Create<T>(Marshaller<T> marshaller, T message, int? maxBytes, bool compress)
    {
        var bytes = new PooledBuffer(256);
        new MessageWriter(maxBytes).Write(bytes, marshaller, message, compress);
        return new SingleRequest(bytes);
    }

    public bool CanSendAgain => true;

    public HttpContent CreateContent()
    {
        Interlocked.Increment(ref _attempts);
        return this;
    }

    public void Commit() { }

    // Only the answer to the only attempt says for sure that the transport is done with the array; in every other case it is left to
    // the garbage collector.
    public void Close(CallOutcome outcome)
    {
        if (outcome.IsOk && _attempts == 1) _bytes.Dispose();
    }
}
