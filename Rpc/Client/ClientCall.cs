using FeedMall.Resilience;
using System.Runtime.CompilerServices;
using FeedMall.Resilience.Balancing;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>
/// One call as the client sees it, from its request to its status, over all attempts. It ends once, with the first of: the server's
/// status, a broken transport, the deadline, the caller's cancellation. Whatever arrives later is dropped with the stream.
/// </summary>
internal abstract class ClientCall(RpcChannel channel, IMethod method, CallOptions options) : CallState, IDeadlined
{
    private const int PhaseRunning = 0;
    private const int PhaseStopping = 1;
    private const int PhaseEnded = 2;

    private CallTimer? _timer;
    private int _phase;
    private CancellationTokenRegistration _onCancel;
    private CancellationTokenRegistration _onParentCancel;
    private HttpResponseMessage? _response;
    private TaskCompletionSource<Metadata>? _headers;
    private CallOutcome? _stopped;
    private CallOutcome? _outcome;
    private int _isPicked;
    private bool _hasBegun;
    private long _startedAt;
    private TimeSpan _timeout;

    public RpcChannel Channel => channel;

    public IMethod Method => method;

    public CallOptions Options => options;

    /// <summary>Whether the requests are sent as gzip.</summary>
    public bool Compresses { get; } = channel.Compresses(options);

    /// <summary>Whether the one request of a call is.</summary>
    protected bool CompressesSingle => Compresses && !(options.WriteOptions is { Flags: var flags } && flags.HasFlag(WriteFlags.NoCompress));

    /// <summary>The addresses that the present attempt may go to.</summary>
    public EndpointSet Endpoints { get; set; } = channel.Endpoints;

    /// <summary>Whether the work is done once however often the call is sent.</summary>
    public bool MayBeRepeated => channel.IsIdempotent(method) || Headers?.Get(MetadataKeys.IdempotencyKey) is not null;

    /// <summary>What is sent before the requests; the chain sets it.</summary>
    public Metadata? Headers { get; set; } = options.Headers;

    /// <summary>What is sent.</summary>
    public IRequestSource Requests { get; protected set; } = null!;

    /// <summary>Attempts that were made before the present one and that the retry policy counts.</summary>
    public int PreviousAttempts { get; set; }

    /// <summary>Where the present attempt goes, or the last one went.</summary>
    public BalancerNode? Node { get; private set; }

    /// <summary>The nodes that failed attempts of this call went to.</summary>
    public List<BalancerNode>? Tried { get; set; }

    /// <summary>Whether the caller has seen, or may have seen, something of an answer: then no other attempt may follow.</summary>
    public bool IsCommitted { get; private set; }

    /// <summary>Whether the server has answered the present attempt.</summary>
    public bool IsAnswered { get; private set; }

    /// <summary>What the headers of the present attempt's answer say.</summary>
    public ResponseHead Head { get; private set; }

    /// <summary>When the present attempt was begun.</summary>
    public long AttemptStartedAt { get; private set; }

    /// <summary>When it was given its time.</summary>
    public long StartedAt => _startedAt;

    /// <summary>Time until the deadline; negative when it has passed.</summary>
    public TimeSpan Remaining => _timeout - channel.Clock.GetElapsedTime(_startedAt);

    /// <summary>Fires when this side ends the call; the stream is then reset.</summary>
    public CancellationToken Stopping => _timer!.Stop.Token;

    /// <summary>Why this side ended the call, or null.</summary>
    public CallOutcome? Stopped => Volatile.Read(ref _stopped);

    public override Task<Metadata> ResponseHeadersAsync
    {
        get
        {
            if (Volatile.Read(ref _headers) is { } known) return known.Task;
            var source = new TaskCompletionSource<Metadata>(TaskCreationOptions.RunContinuationsAsynchronously);
            source = Interlocked.CompareExchange(ref _headers, source, null) ?? source;
            // Whoever comes second, this reader or the arriving headers, completes the task.
            CompleteHeaders();
            return source.Task;
        }
    }

    /// <summary>Whether the last message came compressed.</summary>
    public abstract bool LastResponseWasCompressed { get; }

    public override Status GetStatus() => Ended().Status;

    public override Metadata GetTrailers() => Ended().Trailers;

    public override void Dispose()
    {
        if (Volatile.Read(ref _outcome) is null) Cancel();
    }

    public void Cancel() => Stop(CallOutcome.Local(this, StatusCode.Cancelled, Reasons.Cancelled, "The caller gave up."));

    public void OnDeadline() => Stop(CallOutcome.Local(
        this, StatusCode.DeadlineExceeded, RefusalReasons.DeadlineExceeded, $"{method.FullName} did not answer within {_timeout.TotalMilliseconds:0} ms."));

    /// <summary>Gives the call this much time. From now on its deadline and its tokens can end it.</summary>
    public void Start(TimeSpan timeout, CancellationToken parent)
    {
        (_timeout, _startedAt) = (timeout, channel.Clock.GetTimestamp());
        _timer = channel.Timers.Rent();
        _timer.Deadline.Start(this, timeout, _startedAt);
        _onCancel = options.CancellationToken.UnsafeRegister(static call => ((ClientCall)call!).Cancel(), this);
        if (parent != options.CancellationToken) _onParentCancel = parent.UnsafeRegister(static call => ((ClientCall)call!).Cancel(), this);
        // It may have been given up before it had a timer, while it waited for its place.
        Interlocked.MemoryBarrier();
        if (Stopped is not null) _timer.Stop.Cancel();
    }

    /// <summary>A twin has ended: clock and tokens forget it.</summary>
    public async ValueTask EndTwinAsync()
    {
        await LetGoAsync();
        _timer!.Dispose();
    }

    /// <summary>The value of grpc-timeout for an attempt that starts now.</summary>
    public string EncodeTimeout() => PreviousAttempts == 0
        ? channel.EncodeTimeout(_timeout)
        : GrpcTimeout.Encode(Remaining > TimeSpan.FromTicks(1) ? Remaining : TimeSpan.FromTicks(1));

    /// <summary>The present attempt goes to this node.</summary>
    public void GoTo(BalancerNode node, long now)
    {
        (Node, AttemptStartedAt) = (node, now);
        _isPicked = 1;
    }

    /// <summary>A new attempt begins now; what is known of the one before is forgotten. The first one begins with the call, for which the clock was read.</summary>
    public long BeginAttempt()
    {
        (IsAnswered, _response, Head, Node) = (false, null, default, null);
        var now = _hasBegun ? channel.Clock.GetTimestamp() : _startedAt;
        _hasBegun = true;
        return now;
    }

    /// <summary>The answer has begun. Gives the end of the call when it is no gRPC answer, or null.</summary>
    public CallOutcome? Accept(HttpResponseMessage response)
    {
        var head = ResponseHead.Read(response.Headers);
        if (ResponseReading.FindFault(response, head, channel.Options.MaxReceiveMetadataBytes) is { } fault) return fault;
        SetResponse(response, head);
        return null;
    }

    private void SetResponse(HttpResponseMessage response, in ResponseHead head)
    {
        (IsAnswered, Head) = (true, head);
        Volatile.Write(ref _response, response);
        // A status in the headers may be one that is tried again: the caller does not see it before that is decided.
        if (head.Status is not null) return;
        Commit();
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _headers) is not null) CompleteHeaders();
    }

    /// <summary>From now on the caller may see something of the answer.</summary>
    protected void Commit()
    {
        IsCommitted = true;
        Requests.Commit();
    }

    /// <summary>Whether it has one request and one response, so that it can be run twice at once.</summary>
    public virtual bool HasSingleMessages => false;

    /// <summary>A second call for the same request.</summary>
    public virtual ClientCall CreateTwin() => throw new NotSupportedException("A stream cannot be sent twice at once.");

    /// <summary>Takes over the answer of a twin.</summary>
    public virtual void Adopt(ClientCall twin)
    {
        Node = twin.Node;
        if (twin._response is { } response) SetResponse(response, twin.Head);
    }

    /// <summary>True once for each attempt, for whoever tells the balancer how it went.</summary>
    public bool TryTakePick() => Interlocked.Exchange(ref _isPicked, 0) == 1;

    /// <summary>Reads the answer to its end.</summary>
    public abstract ValueTask<CallOutcome> ReceiveAsync(HttpResponseMessage response);

    /// <summary>The same for a call with one response. It does not know the message's type: generic methods that wait cost more.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    protected async ValueTask<CallOutcome> ReceiveSingleAsync(HttpResponseMessage response, StreamMessageReader reader)
    {
        using (reader)
        {
            var hasMessage = false;
            while (reader.Add(await reader.ReceiveAsync(Stopping)))
            {
                if (!hasMessage && reader.HasMessage)
                {
                    Take(reader);
                    hasMessage = true;
                }
                if (hasMessage && reader.HasMessage) return CallOutcome.Of(StatusCode.Unimplemented, "The response has more than one message; this method has one.");
            }
            var outcome = ResponseReading.ReadOutcome(response, Head, hasMessage, channel.Options.MaxReceiveMetadataBytes);
            return outcome.IsOk && !hasMessage
                ? CallOutcome.Of(StatusCode.Unimplemented, "The response has no message; this method has one.")
                : outcome;
        }
    }

    /// <summary>Takes over the one response that was read.</summary>
    protected virtual void Take(StreamMessageReader reader) => throw new NotSupportedException("A stream's messages are read one by one.");

    /// <summary>The requests, in bytes where they are known: the caller may change a message when the call has begun.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: a request is larger than the limit.</exception>
    protected abstract IRequestSource CreateRequests();

    /// <summary>Runs the chain, and with it the whole call. Whoever awaits it then says <see cref="EndAsync"/>.</summary>
    protected ValueTask<CallOutcome> RunAsync()
    {
        try
        {
            Requests = CreateRequests();
        }
        catch (RpcException tooLarge)
        {
            return ValueTask.FromResult(CallOutcome.From(tooLarge, this));
        }
        return channel.Chain.RunAsync(this);
    }

    /// <summary>The call has ended like this.</summary>
    protected ValueTask EndAsync(CallOutcome outcome)
    {
        var letGo = LetGoAsync();
        if (!letGo.IsCompletedSuccessfully) return EndLaterAsync(letGo, outcome);
        SetOutcome(outcome);
        return ValueTask.CompletedTask;
    }

    private async ValueTask EndLaterAsync(ValueTask letGo, CallOutcome outcome)
    {
        await letGo;
        SetOutcome(outcome);
    }

    // Waits for a cancellation that runs already; there hardly ever is one.
    private ValueTask LetGoAsync() => _onParentCancel == default ? _onCancel.DisposeAsync() : LetGoOfBothAsync();

    private async ValueTask LetGoOfBothAsync()
    {
        await _onCancel.DisposeAsync();
        await _onParentCancel.DisposeAsync();
    }

    private void SetOutcome(CallOutcome outcome)
    {
        Interlocked.Exchange(ref _outcome, outcome);
        if (_timer is not null) EndTimer(_timer, outcome);
        Requests?.Close(outcome);
        if (Volatile.Read(ref _headers) is not null) CompleteHeaders();
    }

    // Ends the call here, unless it was ended here before.
    private void Stop(CallOutcome outcome)
    {
        if (Interlocked.CompareExchange(ref _stopped, outcome, null) is null && Interlocked.CompareExchange(ref _phase, PhaseStopping, PhaseRunning) == PhaseRunning)
            _timer?.Stop.Cancel();
    }

    // Another call may use the timer next, so nobody may cancel it from here on. Only after a plain answer is it sure that the transport
    // has let go of its token.
    private void EndTimer(CallTimer timer, CallOutcome outcome)
    {
        timer.Deadline.Stop();
        var isOurs = Interlocked.CompareExchange(ref _phase, PhaseEnded, PhaseRunning) == PhaseRunning;
        if (isOurs && outcome.IsOk && HasSingleMessages && Tried is null && timer.Stop.TryReset()) channel.Timers.Return(timer);
        else timer.Dispose();
    }

    private void CompleteHeaders()
    {
        var source = Volatile.Read(ref _headers)!;
        var outcome = Volatile.Read(ref _outcome);
        if (IsCommitted || (outcome is not null && _response is not null)) source.TrySetResult(ResponseReading.Metadata(Volatile.Read(ref _response)!.Headers));
        // Nobody has to look at the headers of a call: their failure is the call's and is seen there.
        else if (outcome is not null && source.TrySetException(outcome.ToException())) _ = source.Task.Exception;
    }

    private CallOutcome Ended() => Volatile.Read(ref _outcome) ?? throw new InvalidOperationException("The call still runs: it has no status yet.");
}
