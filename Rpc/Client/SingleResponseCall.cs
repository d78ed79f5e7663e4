using Grpc.Core;
using System.Runtime.CompilerServices;

namespace FeedMall.Rpc.Client;

/// <summary>A call with one response.</summary>
internal sealed class SingleResponseCall<TRequest, TResponse> : MessageCall<TRequest, TResponse>
    where TRequest : class
    where TResponse : class
{
    private TResponse? _message;
    private bool _wasCompressed;

    /// <summary>A call with one request, or with many when there is none.</summary>
    public SingleResponseCall(RpcChannel channel, Method<TRequest, TResponse> method, CallOptions options, TRequest? request = null)
        : base(channel, method, options, request, endsWhenRead: false) { }

    public override bool LastResponseWasCompressed => _wasCompressed;

    public override bool HasSingleMessages => RequestStream is null;

    /// <summary>Runs the call and gives its response.</summary>
    /// <exception cref="RpcException">It ended with another status than OK.</exception>
    public async Task<TResponse> GetResponseAsync()
    {
        var outcome = await RunAsync();
        return outcome.IsOk ? _message! : throw outcome.ToException();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<CallOutcome> ReceiveAsync(HttpResponseMessage response)
    {
        using var reader = CreateReader(response);
        _message = await reader.ReadAsync(TypedMethod.ResponseMarshaller, Stopping);
        _wasCompressed = reader.LastWasCompressed;
        if (_message is not null && await reader.ReadAsync(TypedMethod.ResponseMarshaller, Stopping) is not null)
            return CallOutcome.Of(StatusCode.Unimplemented, "The response has more than one message; this method has one.");
        var outcome = ResponseReading.ReadOutcome(response, _message is not null, Channel.Options.MaxReceiveMetadataBytes);
        return outcome.IsOk && _message is null
            ? CallOutcome.Of(StatusCode.Unimplemented, "The response has no message; this method has one.")
            : outcome;
    }

    public override ClientCall CreateTwin() =>
        new SingleResponseCall<TRequest, TResponse>(Channel, TypedMethod, Options, Request) { Requests = Requests, Headers = Headers };

    public override void Adopt(ClientCall twin)
    {
        (_message, _wasCompressed) = (((SingleResponseCall<TRequest, TResponse>)twin)._message, twin.LastResponseWasCompressed);
        base.Adopt(twin);
    }
}
