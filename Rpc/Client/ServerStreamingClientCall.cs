using System.IO.Pipelines;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>
/// One request, many responses. The chain stays in the call until the last response is read or the call is stopped, also while nobody
/// reads; the messages themselves are read on the reader's thread, so nothing is buffered beyond the connection's window.
/// </summary>
internal sealed class ServerStreamingClientCall<TRequest, TResponse>(
    RpcChannel channel, Method<TRequest, TResponse> method, CallOptions options, TRequest request)
    : SingleRequestCall<TRequest, TResponse>(channel, method, options, request), IAsyncStreamReader<TResponse>
    where TRequest : class
    where TResponse : class
{
    // Null when the call ended before any response.
    private readonly TaskCompletionSource<PipeReader?> _body = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<CallOutcome> _read = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<CallOutcome>? _run;
    private HttpResponseMessage? _response;
    private MessageReader? _reader;
    private bool _hasMessages;

    /// <inheritdoc/>
    public TResponse Current { get; private set; } = null!;

    /// <summary>Sends the request; the responses are then read with <see cref="MoveNext"/>.</summary>
    public void Start() => _run = RunToEndAsync();

    /// <inheritdoc/>
    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        // A reader that gives up gives up the call: its stream cannot be continued in the middle of a message.
        await using var giveUp = cancellationToken.UnsafeRegister(static call => ((ClientCall)call!).Cancel(), this);
        if (await _body.Task is { } body && !_read.Task.IsCompleted && await TryReadAsync(body)) return true;
        Current = null!;
        var outcome = await _run!;
        return outcome.IsOk ? false : throw outcome.ToException();
    }

    public override async Task<CallOutcome> ReceiveAsync(HttpResponseMessage response)
    {
        _response = response;
        _body.TrySetResult(PipeReader.Create(await response.Content.ReadAsStreamAsync(Stopping)));
        return await _read.Task.WaitAsync(Stopping);
    }

    private async Task<CallOutcome> RunToEndAsync()
    {
        var outcome = await RunAsync();
        _body.TrySetResult(null);
        return outcome;
    }

    private async Task<bool> TryReadAsync(PipeReader body)
    {
        _reader ??= new MessageReader(body, Channel.Options.MaxReceiveMessageBytes);
        try
        {
            if (await _reader.ReadAsync(ResponseMarshaller, Stopping) is { } message)
            {
                Current = message;
                return _hasMessages = true;
            }
            _read.TrySetResult(ResponseReading.ReadOutcome(_response!, _hasMessages));
        }
        catch (Exception exception)
        {
            // Whatever broke the stream is how the call ended; a call that was stopped has its outcome already.
            _read.TrySetResult(Stopped ?? CallOutcome.From(exception, this));
        }
        await body.CompleteAsync();
        return false;
    }
}
