using Grpc.Core;
using FeedMall.Rpc.Wire;

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
        await EndAsync(outcome);
        return outcome.IsOk ? _message! : throw outcome.ToException();
    }

    public override ValueTask<CallOutcome> ReceiveAsync(HttpResponseMessage response) => ReceiveSingleAsync(response, CreateReader(response));

    protected override void Take(StreamMessageReader reader) =>
        (_message, _wasCompressed) = (reader.Take(TypedMethod.ResponseMarshaller), reader.LastWasCompressed);

    public override ClientCall CreateTwin() =>
        new SingleResponseCall<TRequest, TResponse>(Channel, TypedMethod, Options, Request) { Requests = Requests, Headers = Headers };

    public override void Adopt(ClientCall twin)
    {
        (_message, _wasCompressed) = (((SingleResponseCall<TRequest, TResponse>)twin)._message, twin.LastResponseWasCompressed);
        base.Adopt(twin);
    }
}
