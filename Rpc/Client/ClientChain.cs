using FeedMall.Resilience;
using FeedMall.Resilience.Balancing;
using FeedMall.Resilience.Breaking;
using FeedMall.Resilience.Gates;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>A call's way from here to its end.</summary>
internal delegate ValueTask<CallOutcome> ClientStep(ClientCall call);

/// <summary>
/// What every call passes, from its start to its status; a streaming call stays inside until its last message is read. What stands
/// behind the retry happens once for each attempt.
/// </summary>
internal sealed class ClientChain
{
    private delegate ValueTask<CallOutcome> Link(ClientCall call, ClientStep next);

    private static readonly Link[] s_none = [];

    private readonly RpcChannel _channel;
    private readonly ClientStep _first;

    public ClientChain(RpcChannel channel)
    {
        _channel = channel;
        Link[] links =
        [
            MeasureAsync,
            .. channel.Options.WaitForPlace is { } wait ? [(call, next) => WaitForPlaceAsync(wait, call, next)] : s_none,
            ShrinkDeadline,
            AddMetadata,
            .. channel.Options.FindBulkhead is { } findBulkhead ? [(call, next) => findBulkhead(call.Method.FullName) is { } bulkhead ? PassAsync(bulkhead.TryEnter(), call, next) : next(call)] : s_none,
            new RetryLink(channel).RunAsync,
            .. channel.Options is { GutterAddresses.Count: > 0, FindGutter: { } findGutter }
                ? [(call, next) => findGutter(call.Method.FullName) is { } pair ? PassAsync(pair, call, next) : next(call)] : s_none,
            .. channel.Options is { GutterAddresses.Count: 0, FindBreaker: { } find } ? [(call, next) => find(call.Method.FullName) is { } breaker ? PassAsync(breaker.TryEnter(), call, next) : next(call)] : s_none,
        ];
        _first = PickAndSend;
        for (var i = links.Length - 1; i >= 0; i--) _first = Join(links[i], _first);
    }

    public ValueTask<CallOutcome> RunAsync(ClientCall call) => _first(call);

    private static ClientStep Join(Link link, ClientStep next) => call => link(call, next);

    private ValueTask<CallOutcome> MeasureAsync(ClientCall call, ClientStep next)
    {
        var activities = _channel.Telemetry.Activities;
        var span = activities.HasListeners() ? activities.StartActivity(call.Method.FullName[1..], ActivityKind.Client) : null;
        return span is null && !_channel.Telemetry.MeasuresClients ? next(call) : MeasureAsync(call, next, span);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CallOutcome> MeasureAsync(ClientCall call, ClientStep next, Activity? span)
    {
        var startedAt = _channel.Clock.GetTimestamp();
        using (span)
        {
            var outcome = await next(call);
            _channel.Telemetry.RecordClient(call.Method, outcome.Status.StatusCode, _channel.Clock.GetElapsedTime(startedAt));
            RpcTelemetry.Describe(span, call.Method, outcome.Status, failed: !outcome.IsOk);
            return outcome;
        }
    }

    // How long a call waits here is not the service's doing, so its time begins behind it.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CallOutcome> WaitForPlaceAsync(Func<string, TimeSpan, CancellationToken, ValueTask<Permit?>> wait, ClientCall call, ClientStep next)
    {
        Permit? place;
        try
        {
            place = await wait(call.Method.FullName, Remaining(call) ?? Timeout.InfiniteTimeSpan, call.Options.CancellationToken);
        }
        catch (OperationCanceledException)
        {
            call.Cancel();
            return call.Stopped!;
        }
        if (place is not { } permit) return await next(call);
        if (call.Stopped is null) return await PassAsync(permit, call, next);
        permit.Dispose();
        return call.Stopped;
    }

    // Null: nobody said.
    private TimeSpan? Remaining(ClientCall call)
    {
        var remaining = RequestContext.Current?.Remaining;
        if (call.Options.Deadline is not { } deadline) return remaining;
        var own = deadline.ToUniversalTime() - _channel.Clock.GetUtcNow().UtcDateTime;
        return remaining is null || own < remaining ? own : remaining;
    }

    // A call that has no time to be answered would only load the server: it is not sent (spec §7.1 rule 3).
    private ValueTask<CallOutcome> ShrinkDeadline(ClientCall call, ClientStep next)
    {
        var timeout = _channel.Time.Shrink(_channel.Options.FindTimeout?.Invoke(call.Method.FullName) ?? _channel.Options.DefaultTimeout, Remaining(call));
        if (_channel.Time.Check(timeout) != Reason.None)
        {
            return ValueTask.FromResult(CallOutcome.Local(call, StatusCode.DeadlineExceeded, RefusalReasons.DeadlineInsufficient,
                $"{Math.Max(0, timeout.TotalMilliseconds):0.#} ms are too little to call {call.Method.FullName}."));
        }
        call.Start(timeout, RequestContext.Current?.CancellationToken ?? CancellationToken.None);
        return next(call);
    }

    private ValueTask<CallOutcome> AddMetadata(ClientCall call, ClientStep next)
    {
        call.Headers = Propagation.Merge(_channel.Options.Headers, RequestContext.Current?.Metadata, call.Headers, _channel.Telemetry);
        var (bytes, limit) = (MetadataCoding.SizeOf(call.Headers), _channel.Options.MaxSendMetadataBytes);
        if (bytes <= limit) return next(call);
        var tooLarge = new RpcException(new Status(StatusCode.ResourceExhausted, $"The metadata has {bytes} bytes; at most {limit} may be sent."));
        return ValueTask.FromResult(CallOutcome.From(tooLarge, call));
    }

    // What this side refuses is told from what a server answers by its reach: it is not tried again, the same gate would refuse that too.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CallOutcome> PassAsync(Permit permit, ClientCall call, ClientStep next)
    {
        using var held = permit;
        if (!permit.IsAdmitted) return Refused(call, permit.Reason);
        if (permit.Reason != Reason.None) Tell(CallTurn.WouldHaveBeenRefused, call, permit.Reason.Text());
        var outcome = await next(call);
        // A call that found no address was not sent: it says nothing of the method, and a breaker that counted it would keep a service out that is back.
        if (call.Node is not null) permit.Complete(StatusOutcomes.OfGrpc((int)outcome.Status.StatusCode));
        return outcome;
    }

    // While the service's breaker drops calls, those that stand by take what they can bear; and what failed at the service, if it may be sent twice (spec §2.9).
    private async ValueTask<CallOutcome> PassAsync(GutterPair pair, ClientCall call, ClientStep next)
    {
        using var permit = pair.TryEnter();
        if (!permit.IsAdmitted) return Refused(call, permit.Reason);
        if (permit is { Target: GutterTarget.Primary, Reason: not Reason.None }) Tell(CallTurn.WouldHaveBeenRefused, call, permit.Reason.Text());
        var outcome = await GoToAsync(permit, call, next, permit.Reason.Text());
        if (StatusOutcomes.OfGrpc((int)outcome.Status.StatusCode) != Outcome.Failure || !call.MayBeRepeated || call.IsCommitted || call.Stopped is not null || !call.Requests.CanSendAgain)
            return outcome;
        using var other = pair.TryFailOver(permit);
        return other.IsAdmitted ? await GoToAsync(other, call, next, outcome.Reason) : outcome;
    }

    private async ValueTask<CallOutcome> GoToAsync(GutterPermit permit, ClientCall call, ClientStep next, string reason)
    {
        call.Endpoints = permit.Target == GutterTarget.Standby ? _channel.Gutter! : _channel.Endpoints;
        if (permit.Target == GutterTarget.Standby) Tell(CallTurn.Diverted, call, reason);
        var outcome = await next(call);
        permit.Complete(StatusOutcomes.OfGrpc((int)outcome.Status.StatusCode));
        return outcome;
    }

    private static CallOutcome Refused(ClientCall call, Reason reason) => CallOutcome.Local(call,
        reason is Reason.DeadlineExceeded or Reason.DeadlineInsufficient ? StatusCode.DeadlineExceeded : StatusCode.Unavailable, reason.Text(),
        reason switch
        {
            Reason.DeadlineExceeded or Reason.DeadlineInsufficient => $"There is too little time left to call {call.Method.FullName}.",
            Reason.Overloaded or Reason.QueueTimeout => $"More calls of {call.Method.FullName} are wanted than its service can answer.",
            Reason.BulkheadFull => "All places for calls to this service are taken.",
            Reason.Degraded => "This service was taken out by a switch.",
            _ => $"{call.Method.FullName} has been failing, and was not called.",
        });

    private void Tell(CallTurn turn, ClientCall call, string reason) => _channel.Options.OnTurn?.Invoke(new CallNote(turn, call.Method.FullName, reason));

    // One attempt. Each method that waits costs a tenth of a microsecond, so what is usually done at once stays outside of it.
    private ValueTask<CallOutcome> PickAndSend(ClientCall call)
    {
        var now = call.BeginAttempt();
        return call.Endpoints.TryPick(call, now) is { } node ? SendAsync(call, node, now) : WaitAndSendAsync(call);
    }

    private async ValueTask<CallOutcome> WaitAndSendAsync(ClientCall call)
    {
        var (node, refusal) = await call.Endpoints.WaitAndPickAsync(call);
        return node is null ? refusal! : await SendAsync(call, node, _channel.Clock.GetTimestamp());
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<CallOutcome> SendAsync(ClientCall call, BalancerNode node, long now)
    {
        call.GoTo(node, now);
        CallOutcome outcome;
        try
        {
            var endpoint = (Endpoint)node.State!;
            // Disposing the response resets the stream unless it was read to its end. The request has nothing to dispose, and its body may
            // be sent again.
            using var response = await endpoint.Http.SendAsync(CreateRequest(call, endpoint), call.Stopping);
            outcome = call.Accept(response) ?? await call.ReceiveAsync(response);
        }
        catch (Exception exception)
        {
            // The edge of the transport: whatever failed becomes the call's outcome. When this side stopped the call, the
            // exception is only the echo of that.
            outcome = call.Stopped ?? Failed(call, exception);
        }
        call.Endpoints.Complete(call, outcome);
        return outcome;
    }

    private static CallOutcome Failed(ClientCall call, Exception exception)
    {
        var outcome = CallOutcome.From(exception, call);
        return call.Requests.HasBegun ? outcome : outcome.AsNothingSent();
    }

    private static HttpRequestMessage CreateRequest(ClientCall call, Endpoint endpoint)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, endpoint.UriOf(call.Method))
        {
            Version = System.Net.HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = call.Requests.CreateContent(),
        };
        request.Headers.TryAddWithoutValidation("te", "trailers");
        request.Headers.TryAddWithoutValidation(HeaderNames.Timeout, call.EncodeTimeout());
        if (call.Compresses) request.Headers.TryAddWithoutValidation(HeaderNames.Encoding, Compression.Gzip);
        request.Headers.TryAddWithoutValidation(HeaderNames.AcceptEncoding, Compression.Accepted);
        request.Headers.TryAddWithoutValidation("user-agent", "grpc-csharp-ha/1.0");
        if (call.Endpoints.AsksForCpuUsage) request.Headers.TryAddWithoutValidation(MetadataKeys.EnableCpuUsage, "true");
        if (call.PreviousAttempts > 0)
            request.Headers.TryAddWithoutValidation(HeaderNames.PreviousAttempts, HeaderNames.Number(call.PreviousAttempts));
        for (var i = 0; i < call.Headers?.Count; i++)
        {
            var entry = call.Headers[i];
            if (entry.Key == HeaderNames.EncodingRequest) continue;
            MetadataCoding.ThrowIfReserved(entry.Key);
            request.Headers.TryAddWithoutValidation(entry.Key, MetadataCoding.Encode(entry));
        }
        return request;
    }
}
