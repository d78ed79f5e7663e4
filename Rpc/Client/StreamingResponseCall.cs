using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>
/// A call with many responses. The chain stays in the call until the last response is read or the call is stopped, also while nobody
/// reads; the messages themselves are read on the reader's thread, so nothing is buffered beyond the connection's window.
/// </summary>
internal sealed class StreamingResponseCall<TRequest, TResponse> : MessageCall<TRequest, TResponse>, IAsyncStreamReader<TResponse>
    where TRequest : class
    where TResponse : class
{
    // The answer that is to be read, or null when the call ended without one.
    private readonly TaskCompletionSource<HttpResponseMessage?> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<CallOutcome> _read = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<CallOutcome>? _run;
    private StreamMessageReader? _reader;
    private TResponse? _first;
    private bool _hasMessages;

    /// <summary>A call with one request, or with many when there is none.</summary>
    public StreamingResponseCall(RpcChannel channel, Method<TRequest, TResponse> method, CallOptions options, TRequest? request = null)
        : base(channel, method, options, request, endsWhenRead: true) { }

    public override bool LastResponseWasCompressed => _reader?.LastWasCompressed ?? false;

    /// <inheritdoc/>
    public TResponse Current { get; private set; } = null!;

    /// <summary>Sends the call; the responses are then read with <see cref="MoveNext"/>.</summary>
    public void Start() => _run = RunToEndAsync();

    /// <inheritdoc/>
    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        // A reader that gives up gives up the call: its stream cannot be continued in the middle of a message.
        await using var giveUp = cancellationToken.UnsafeRegister(static call => ((ClientCall)call!).Cancel(), this);
        if (await _answer.Task is { } answer && !_read.Task.IsCompleted && await TryReadAsync(answer)) return true;
        Current = null!;
        var outcome = await _run!;
        return outcome.IsOk ? false : throw outcome.ToException();
    }

    public override async ValueTask<CallOutcome> ReceiveAsync(HttpResponseMessage response)
    {
        if (Head.Status is not null)
        {
            // It counts when nothing follows, and then ends the attempt but perhaps not the call: the caller does not see it here.
            var reader = CreateReader(response);
            _first = await reader.ReadAsync(TypedMethod.ResponseMarshaller, Stopping);
            if (_first is null)
            {
                reader.Dispose();
                return ResponseReading.ReadOutcome(response, Head, hasMessages: false, Channel.Options.MaxReceiveMetadataBytes);
            }
            _reader = reader;
            Commit();
        }
        Endpoints.Complete(this, CallOutcome.Begun);
        _answer.TrySetResult(response);
        return await _read.Task.WaitAsync(Stopping);
    }

    private async Task<CallOutcome> RunToEndAsync()
    {
        var outcome = await RunAsync();
        await EndAsync(outcome);
        _answer.TrySetResult(null);
        return outcome;
    }

    private async ValueTask<bool> TryReadAsync(HttpResponseMessage answer)
    {
        try
        {
            _reader ??= CreateReader(answer);
            if ((Interlocked.Exchange(ref _first, null) ?? await _reader.ReadAsync(TypedMethod.ResponseMarshaller, Stopping)) is { } message)
            {
                Current = message;
                return _hasMessages = true;
            }
            _read.TrySetResult(ResponseReading.ReadOutcome(answer, Head, _hasMessages, Channel.Options.MaxReceiveMetadataBytes));
        }
        catch (Exception exception)
        {
            // Whatever broke the stream is how the call ended; a call that was stopped has its outcome already.
            _read.TrySetResult(Stopped ?? CallOutcome.From(exception, this));
        }
        _reader?.Dispose();
        return false;
    }

}
