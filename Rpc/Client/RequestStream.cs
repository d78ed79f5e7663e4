using System.Net;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>
/// The requests of a streaming call. A written message is sent by the attempt that runs; until the server has begun to answer, what was
/// sent is kept, so that another attempt can send it again.
/// </summary>
/// <param name="endsWhenRead">
/// Whether the call ends only when its answers are read. Then a writer that waits for a stream that takes no more is told so at once:
/// it may be the one that would read.
/// </param>
internal sealed class RequestStream<T>(Marshaller<T> marshaller, int? maxBytes, bool compress, Action cancel, bool endsWhenRead = false)
    : IClientStreamWriter<T>, IRequestSource
    where T : class
{
    // What a call may keep to send again; gRPC's usual limit. Larger requests are sent once.
    private const int MaxKeptBytes = 1024 * 1024;

    // Guards everything below: the writer, the running attempt and the call's end meet here.
    private readonly Lock _gate = new();
    private readonly List<Frame> _frames = [];
    private readonly MessageWriter _writer = new(maxBytes);
    private int _firstKept;
    private int _sent;
    private long _keptBytes;
    private int _attempts;
    private bool _isCommitted;
    private bool _isComplete;
    private int _brokenAttempt;
    private CallOutcome? _ended;
    private TaskCompletionSource? _wake;
    private TaskCompletionSource? _writing;

    /// <inheritdoc/>
    public WriteOptions? WriteOptions { get; set; }

    public bool CanSendAgain
    {
        get { lock (_gate) return !_isCommitted; }
    }

    // A method may begin before the first message.
    public bool HasBegun => true;

    /// <inheritdoc/>
    public Task WriteAsync(T message) => WriteAsync(message, CancellationToken.None);

    /// <inheritdoc/>
    public async Task WriteAsync(T message, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var sent = Add(message);
        // A write that is given up gives up the call: the stream cannot go on without this message.
        await using var giveUp = cancellationToken.UnsafeRegister(static stop => ((Action)stop!)(), cancel);
        await sent;
    }

    /// <inheritdoc/>
    public Task CompleteAsync()
    {
        TaskCompletionSource? wake;
        lock (_gate)
        {
            _isComplete = true;
            wake = _wake;
        }
        wake?.TrySetResult();
        return Task.CompletedTask;
    }

    public HttpContent CreateContent() => new Body(this);

    public void Commit()
    {
        TaskCompletionSource? writing;
        lock (_gate)
        {
            _isCommitted = true;
            DropSent();
            writing = TakesNoMore() ? _writing : null;
        }
        writing?.TrySetException(NoMoreException());
    }

    public void Close(CallOutcome outcome)
    {
        TaskCompletionSource? wake, writing;
        lock (_gate)
        {
            _ended = outcome;
            _frames.Clear();
            (wake, writing) = (_wake, _writing);
        }
        wake?.TrySetResult();
        // A server that has what it needs says so by its answer: the message that is on its way is not missed.
        if (outcome.IsOk) writing?.TrySetResult();
        else writing?.TrySetException(outcome.ToException());
    }

    private Task Add(T message)
    {
        TaskCompletionSource? wake;
        Task sent;
        lock (_gate)
        {
            if (_ended is not null) throw EndedException(_ended);
            if (TakesNoMore()) throw NoMoreException();
            if (_isComplete) throw new InvalidOperationException("The requests were completed: no more can be written.");
            if (_writing is { Task.IsCompleted: false }) throw new InvalidOperationException("A write is still under way: write one message at a time.");
            var bytes = new PooledBuffer(256);
            var flags = WriteOptions?.Flags ?? WriteFlags.None;
            _writer.Write(bytes, marshaller, message, compress && !flags.HasFlag(WriteFlags.NoCompress));
            _frames.Add(new Frame(bytes, flags.HasFlag(WriteFlags.BufferHint)));
            _keptBytes += bytes.Length;
            _writing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            sent = _writing.Task;
            wake = _wake;
        }
        wake?.TrySetResult();
        return sent;
    }

    // The transport sends a body again by itself when the server refused its stream, so this, and not the body's creation, begins an attempt.
    private int BeginAttempt()
    {
        lock (_gate)
        {
            if (_firstKept > 0) throw new IOException("The requests are too large to be sent again.");
            _sent = 0;
            return ++_attempts;
        }
    }

    private async ValueTask<Frame?> NextAsync(int attempt, int index, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task added;
            lock (_gate)
            {
                if (_ended is not null || attempt != _attempts) throw new OperationCanceledException("The attempt has ended.");
                if (index - _firstKept < _frames.Count) return _frames[index - _firstKept];
                if (_isComplete) return null;
                if (_wake is null or { Task.IsCompleted: true }) _wake = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                added = _wake.Task;
            }
            await added.WaitAsync(cancellationToken);
        }
    }

    private void MarkSent(int attempt, int index)
    {
        TaskCompletionSource? writing = null;
        lock (_gate)
        {
            if (_ended is not null || attempt != _attempts) return;
            _sent = index + 1;
            if (_keptBytes > MaxKeptBytes) _isCommitted = true;
            if (_isCommitted) DropSent();
            if (_sent == _firstKept + _frames.Count) writing = _writing;
        }
        writing?.TrySetResult();
    }

    // The stream of an attempt was reset or lost. Before the answer has begun, another attempt may follow.
    private void MarkBroken(int attempt)
    {
        TaskCompletionSource? writing;
        lock (_gate)
        {
            _brokenAttempt = attempt;
            writing = TakesNoMore() ? _writing : null;
        }
        writing?.TrySetException(NoMoreException());
    }

    private bool TakesNoMore() => endsWhenRead && _isCommitted && _ended is null && _brokenAttempt == _attempts && _attempts > 0;

    private static RpcException NoMoreException() =>
        new(new Status(StatusCode.Unavailable, "The server takes no more requests of this call; its answer says why.")) { IsFromCall = true };

    // An array that an earlier attempt may still be reading from is left to the garbage collector instead of the pool.
    private void DropSent()
    {
        var count = _sent - _firstKept;
        if (count <= 0) return;
        for (var i = 0; i < count; i++)
        {
            _keptBytes -= _frames[i].Bytes.Length;
            if (_attempts == 1) _frames[i].Bytes.Dispose();
        }
        _frames.RemoveRange(0, count);
        _firstKept = _sent;
    }

    private static Exception EndedException(CallOutcome outcome) =>
        outcome.IsOk ? new InvalidOperationException("The call has ended: the server takes no more requests.") : outcome.ToException();

    private sealed record Frame(PooledBuffer Bytes, bool MayWait);

    /// <summary>The body of one attempt: every message from the first one on, until the requests are complete.</summary>
    private sealed class Body : HttpContent
    {
        private readonly RequestStream<T> _requests;

        public Body(RequestStream<T> requests)
        {
            _requests = requests;
            Headers.TryAddWithoutValidation("content-type", HeaderNames.ContentType);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            var attempt = _requests.BeginAttempt();
            try
            {
                // The server sees the call before its first message.
                await stream.FlushAsync(cancellationToken);
                for (var index = 0; await _requests.NextAsync(attempt, index, cancellationToken) is { } frame; index++)
                {
                    await stream.WriteAsync(frame.Bytes.Written, cancellationToken);
                    if (!frame.MayWait) await stream.FlushAsync(cancellationToken);
                    _requests.MarkSent(attempt, index);
                }
            }
            catch
            {
                _requests.MarkBroken(attempt);
                throw;
            }
        }
    }
}
