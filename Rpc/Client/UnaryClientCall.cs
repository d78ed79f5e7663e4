using System.IO.Pipelines;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>One request, one response.</summary>
internal sealed class UnaryClientCall<TRequest, TResponse>(
    RpcChannel channel, Method<TRequest, TResponse> method, CallOptions options, TRequest request)
    : SingleRequestCall<TRequest, TResponse>(channel, method, options, request)
    where TRequest : class
    where TResponse : class
{
    private TResponse? _message;

    /// <summary>Runs the call and gives its response.</summary>
    /// <exception cref="RpcException">It ended with another status than OK.</exception>
    public async Task<TResponse> GetResponseAsync()
    {
        var outcome = await RunAsync();
        return outcome.IsOk ? _message! : throw outcome.ToException();
    }

    public override async Task<CallOutcome> ReceiveAsync(HttpResponseMessage response)
    {
        var pipe = PipeReader.Create(await response.Content.ReadAsStreamAsync(Stopping));
        try
        {
            var reader = new MessageReader(pipe, Channel.Options.MaxReceiveMessageBytes);
            _message = await reader.ReadAsync(ResponseMarshaller, Stopping);
            if (_message is not null && await reader.ReadAsync(ResponseMarshaller, Stopping) is not null)
                return CallOutcome.Of(StatusCode.Unimplemented, "The response has more than one message; this method has one.");
            var outcome = ResponseReading.ReadOutcome(response, _message is not null);
            return outcome.IsOk && _message is null
                ? CallOutcome.Of(StatusCode.Unimplemented, "The response has no message; this method has one.")
                : outcome;
        }
        finally
        {
            await pipe.CompleteAsync();
        }
    }
}
