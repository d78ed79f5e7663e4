using System.Diagnostics;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>A call's way from here to its end.</summary>
internal delegate Task<CallOutcome> ClientStep(ClientCall call);

/// <summary>
/// What every call passes, from its start to its status; a streaming call stays inside until its last message is read.
/// </summary>
internal sealed class ClientChain
{
    private delegate Task<CallOutcome> Link(ClientCall call, ClientStep next);

    private readonly RpcChannel _channel;
    private readonly ClientStep _first;

    public ClientChain(RpcChannel channel)
    {
        _channel = channel;
        Link[] links =
        [
            MeasureAsync,
            ShrinkDeadlineAsync,
            // retry, breaker, pick: to come
        ];
        _first = SendAsync;
        for (var i = links.Length - 1; i >= 0; i--) _first = Join(links[i], _first);
    }

    public Task<CallOutcome> RunAsync(ClientCall call) => _first(call);

    private static ClientStep Join(Link link, ClientStep next) => call => link(call, next);

    private async Task<CallOutcome> MeasureAsync(ClientCall call, ClientStep next)
    {
        var startedAt = _channel.Clock.GetTimestamp();
        using var span = _channel.Telemetry.Activities.StartActivity(call.Method.FullName[1..], ActivityKind.Client);
        var outcome = await next(call);
        _channel.Telemetry.RecordClient(call.Method, outcome.Status.StatusCode, _channel.Clock.GetElapsedTime(startedAt));
        RpcTelemetry.Describe(span, call.Method, outcome.Status, failed: !outcome.IsOk);
        return outcome;
    }

    // A call that has no time to be answered would only load the server: it is not sent (spec §7.1 rule 3).
    private Task<CallOutcome> ShrinkDeadlineAsync(ClientCall call, ClientStep next)
    {
        var remaining = call.Options.Deadline?.ToUniversalTime() - _channel.Clock.GetUtcNow().UtcDateTime;
        var timeout = CallTime.Shrink(_channel.Options.DefaultTimeout, remaining, _channel.NetworkAllowance);
        if (timeout < _channel.Options.MinTimeout)
        {
            return Task.FromResult(CallOutcome.Local(call, StatusCode.DeadlineExceeded, Reasons.DeadlineInsufficient,
                $"{Math.Max(0, timeout.TotalMilliseconds):0.#} ms are too little to call {call.Method.FullName}."));
        }
        call.StartTimer(timeout);
        return next(call);
    }

    private async Task<CallOutcome> SendAsync(ClientCall call)
    {
        try
        {
            using var request = call.CreateRequest();
            AddHeaders(request, call);
            // Disposing the response resets the stream unless it was read to its end.
            using var response = await _channel.Http.SendAsync(request, call.Stopping);
            if (ResponseReading.FindFault(response) is { } fault) return fault;
            call.SetHeaders(response);
            return await call.ReceiveAsync(response);
        }
        catch (Exception exception)
        {
            // The edge of the transport: whatever failed becomes the call's outcome. When this side stopped the call, the
            // exception is only the echo of that.
            return call.Stopped ?? CallOutcome.From(exception, call);
        }
    }

    private static void AddHeaders(HttpRequestMessage request, ClientCall call)
    {
        request.Version = System.Net.HttpVersion.Version20;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        request.Headers.TryAddWithoutValidation("te", "trailers");
        request.Headers.TryAddWithoutValidation(HeaderNames.Timeout, GrpcTimeout.Encode(call.Timeout));
        request.Headers.TryAddWithoutValidation(HeaderNames.AcceptEncoding, "identity");
        request.Headers.TryAddWithoutValidation("user-agent", "grpc-csharp-ha/1.0");
        for (var i = 0; i < call.Options.Headers?.Count; i++)
        {
            var entry = call.Options.Headers[i];
            MetadataCoding.ThrowIfReserved(entry.Key);
            request.Headers.TryAddWithoutValidation(entry.Key, MetadataCoding.Encode(entry));
        }
    }
}
