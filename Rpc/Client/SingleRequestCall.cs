using System.Buffers;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>A call with one request message, whatever the number of its responses.</summary>
internal abstract class SingleRequestCall<TRequest, TResponse>(
    RpcChannel channel, Method<TRequest, TResponse> method, CallOptions options, TRequest request)
    : ClientCall(channel, method, options)
    where TRequest : class
    where TResponse : class
{
    protected Marshaller<TResponse> ResponseMarshaller => method.ResponseMarshaller;

    public override HttpRequestMessage CreateRequest()
    {
        // Not pooled: the transport may still be sending, or send once more, when the call has ended.
        var body = new ArrayBufferWriter<byte>();
        MessageWriter.Write(body, method.RequestMarshaller, request, Channel.Options.MaxSendMessageBytes);
        var content = new ReadOnlyMemoryContent(body.WrittenMemory);
        content.Headers.TryAddWithoutValidation("content-type", HeaderNames.ContentType);
        return new HttpRequestMessage(HttpMethod.Post, new Uri(Channel.Address, method.FullName)) { Content = content };
    }
}
