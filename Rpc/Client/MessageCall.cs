using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>What calls of either kind of answer do alike with the types of their messages: one request or a stream of them, and reading.</summary>
internal abstract class MessageCall<TRequest, TResponse> : ClientCall
    where TRequest : class
    where TResponse : class
{
    /// <param name="request">The one request; null for a stream.</param>
    /// <param name="endsWhenRead">Whether the answer is a stream, which somebody has to read to its end.</param>
    protected MessageCall(RpcChannel channel, Method<TRequest, TResponse> method, CallOptions options, TRequest? request, bool endsWhenRead)
        : base(channel, method, options)
    {
        (TypedMethod, Request) = (method, request);
        if (request is null)
            RequestStream = new RequestStream<TRequest>(method.RequestMarshaller, channel.Options.MaxSendMessageBytes, Compresses, Cancel, endsWhenRead) { WriteOptions = options.WriteOptions };
    }

    public RequestStream<TRequest>? RequestStream { get; }

    protected Method<TRequest, TResponse> TypedMethod { get; }

    protected TRequest? Request { get; }

    protected StreamMessageReader CreateReader(HttpResponseMessage response) =>
        new(response.Content.ReadAsStream(), Channel.Options.MaxReceiveMessageBytes) { Encoding = Head.Encoding };

    protected override IRequestSource CreateRequests() =>
        RequestStream is not null
            ? RequestStream
            : SingleRequest.Create(TypedMethod.RequestMarshaller, Request!, Channel.Options.MaxSendMessageBytes, CompressesSingle);
}
