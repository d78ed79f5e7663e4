using FeedMall.Rpc.Errors;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>
/// One call as the client sees it, from its request to its status. It ends once, with the first of: the server's status, a broken
/// transport, the deadline, the caller's cancellation. Whatever arrives later is dropped with the stream.
/// </summary>
internal abstract class ClientCall(RpcChannel channel, IMethod method, CallOptions options) : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<Metadata> _headers = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CallOutcome? _stopped;
    private CallOutcome? _outcome;
    private ITimer? _timer;

    public RpcChannel Channel => channel;

    public IMethod Method => method;

    public CallOptions Options => options;

    /// <summary>The time this call gets; the chain sets it.</summary>
    public TimeSpan Timeout { get; private set; }

    /// <summary>Fires when this side ends the call; the stream is then reset.</summary>
    public CancellationToken Stopping => _stop.Token;

    /// <summary>Why this side ended the call, or null.</summary>
    public CallOutcome? Stopped => Volatile.Read(ref _stopped);

    public Task<Metadata> ResponseHeadersAsync => _headers.Task;

    public Status GetStatus() => Ended().Status;

    public Metadata GetTrailers() => Ended().Trailers;

    /// <summary>Ends the call here, unless it was ended here before or has its status.</summary>
    public void Stop(CallOutcome outcome)
    {
        if (Interlocked.CompareExchange(ref _stopped, outcome, null) is null) _stop.Cancel();
    }

    public void Cancel() => Stop(CallOutcome.Local(this, StatusCode.Cancelled, Reasons.Cancelled, "The caller gave up."));

    public void Dispose()
    {
        if (Volatile.Read(ref _outcome) is null) Cancel();
    }

    /// <summary>Gives the call this much time.</summary>
    public void StartTimer(TimeSpan timeout)
    {
        Timeout = timeout;
        _timer = channel.Clock.CreateTimer(static call => ((ClientCall)call!).StopLate(), this, timeout, System.Threading.Timeout.InfiniteTimeSpan);
    }

    /// <summary>The request with its message; the chain adds its headers.</summary>
    public abstract HttpRequestMessage CreateRequest();

    /// <summary>Reads the answer to its end.</summary>
    public abstract Task<CallOutcome> ReceiveAsync(HttpResponseMessage response);

    public void SetHeaders(HttpResponseMessage response) => _headers.TrySetResult(ResponseReading.Metadata(response.Headers));

    /// <summary>Runs the chain, and with it the whole call.</summary>
    protected async Task<CallOutcome> RunAsync()
    {
        await using var cancelled = options.CancellationToken.UnsafeRegister(static call => ((ClientCall)call!).Cancel(), this);
        var outcome = await channel.Chain.RunAsync(this);
        if (_timer is not null) await _timer.DisposeAsync();
        Volatile.Write(ref _outcome, outcome);
        // Nobody has to look at the headers of a call: their failure is the call's and is seen there.
        if (!_headers.Task.IsCompleted && _headers.TrySetException(outcome.ToException())) _ = _headers.Task.Exception;
        return outcome;
    }

    private void StopLate() => Stop(CallOutcome.Local(
        this, StatusCode.DeadlineExceeded, Reasons.DeadlineExceeded, $"{method.FullName} did not answer within {Timeout.TotalMilliseconds:0} ms."));

    private CallOutcome Ended() => Volatile.Read(ref _outcome) ?? throw new InvalidOperationException("The call still runs: it has no status yet.");
}
