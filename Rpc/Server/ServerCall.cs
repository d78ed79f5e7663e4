using FeedMall.Resilience;
using System.Globalization;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace FeedMall.Rpc.Server;

/// <summary>
/// One call as the server sees it: what the method is given, and the only place that writes the response. A call ends once: by the
/// method's return, an error, the deadline or the caller's leaving, whichever is first; everybody after that is too late.
/// </summary>
internal sealed class ServerCall(HttpContext http, IMethod method, TimeSpan timeout, GrpcServiceOptions options, Pool<ServerCallParts> pool, TimeProvider clock)
    : ServerCallContext, IDeadlined, IAsyncDisposable
{
    private const int ResetCodeCancel = 8;
    private const int MaxBufferedBytes = 64 * 1024;
    private static readonly TimeSpan AnswerGrace = TimeSpan.FromMilliseconds(250);

    // Guards _isEnded, _ended, _isWriting, _written and _deadlineAnswer: the method's thread, the timer and the connection's end meet here.
    private readonly Lock _gate = new();
    // Made when somebody asks for the token: most methods that are answered at once never do.
    private CancellationTokenSource? _ended;
    private readonly long _startedAt = clock.GetTimestamp();
    private ServerCallParts? _parts;
    private CancellationTokenRegistration _onAborted;
    private TaskCompletionSource? _deadlineAnswer;
    private TaskCompletionSource? _written;
    private Dictionary<object, object>? _userState;
    private Metadata? _requestHeaders;
    private Metadata? _responseTrailers;
    private long _deadlineTicks;
    private MessageReader? _reader;
    private string? _wantedEncoding;
    private bool _hasHeaders;
    private bool _compresses;
    private bool _isEnded;
    private volatile bool _isDisposed;
    private bool _isWriting;

    public HttpContext Http => http;

    public IMethod RpcMethod => method;

    public override string Method => method.FullName;

    public override string Host => http.Request.Host.Value ?? "";

    public override string Peer => http.Connection.RemoteIpAddress is not { } address
        ? "unix:"
        : address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6
            ? $"ipv6:[{address}]:{http.Connection.RemotePort}"
            : $"ipv4:{address}:{http.Connection.RemotePort}";

    public override DateTime Deadline
    {
        get
        {
            if (_deadlineTicks == 0) _deadlineTicks = (clock.GetUtcNow().UtcDateTime + Remaining).Ticks;
            return new DateTime(_deadlineTicks, DateTimeKind.Utc);
        }
    }

    /// <summary>Time until the deadline; negative when it has passed.</summary>
    public TimeSpan Remaining => timeout - clock.GetElapsedTime(_startedAt);

    public override Metadata RequestHeaders => _requestHeaders ??= ReadRequestHeaders();

    public override CancellationToken CancellationToken
    {
        get
        {
            lock (_gate)
            {
                if (_ended is not null) return _ended.Token;
                // The HTTP context may serve another request by now.
                if (_isEnded) return new CancellationToken(canceled: true);
                _ended = new CancellationTokenSource();
            }
            _onAborted = http.RequestAborted.UnsafeRegister(static call => ((ServerCall)call!).Abandon(), this);
            return _ended.Token;
        }
    }

    public override Metadata ResponseTrailers => _responseTrailers ??= [];

    public override Status Status { get; set; } = Status.DefaultSuccess;

    public override WriteOptions? WriteOptions { get; set; }

    public override IDictionary<object, object> UserState => _userState ??= [];

    /// <summary>Whether the request message that was read last came compressed.</summary>
    public bool LastRequestWasCompressed => _reader?.LastWasCompressed ?? false;

    /// <summary>How the call ended.</summary>
    public Status FinalStatus { get; private set; }

    /// <summary>Whether somebody wants to know its <see cref="Duration"/>; set before it can end.</summary>
    public bool IsMeasured { get; set; } = options.SendServerTiming;

    /// <summary>From the call's arrival to its answer, not to the end of a method that outlives its deadline.</summary>
    public TimeSpan Duration { get; private set; }

    public bool IsEnded
    {
        get
        {
            lock (_gate) return _isEnded;
        }
    }

    /// <summary>From now on the deadline and the caller's leaving end the call. False: the time was up on arrival, and this is answered.</summary>
    public bool TryStart()
    {
        if (timeout <= TimeSpan.Zero)
        {
            var tooLate = DeadlinePassed();
            End(tooLate.Status, tooLate.Trailers);
            return false;
        }
        _parts = pool.Rent();
        // Before anything can end the call, so that its end finds the reader without a lock.
        _reader = _parts.Read(http.Request.BodyReader);
        if (http.Request.Headers.GrpcEncoding is { Count: > 0 } encoding) _reader.Encoding = encoding.ToString();
        // Whoever writes to a caller that left would go on for ever if it were not told.
        if (method.Type != MethodType.Unary) _ = CancellationToken;
        _parts.Deadline.Start(this, timeout, _startedAt);
        return true;
    }

    public override async Task WriteResponseHeadersAsync(Metadata responseHeaders)
    {
        BeginWrite();
        try
        {
            if (http.Response.HasStarted) throw new InvalidOperationException("The response headers were sent already.");
            for (var i = 0; i < responseHeaders.Count; i++)
            {
                if (responseHeaders[i].Key == HeaderNames.EncodingRequest)
                {
                    _wantedEncoding = responseHeaders[i].Value;
                    continue;
                }
                MetadataCoding.ThrowIfReserved(responseHeaders[i].Key);
                http.Response.Headers.Append(responseHeaders[i].Key, MetadataCoding.Encode(responseHeaders[i]));
            }
            ChooseEncoding();
            await http.Response.StartAsync(CancellationToken.None);
            // Starting alone leaves the headers in the buffer until something is written.
            await http.Response.BodyWriter.FlushAsync(CancellationToken.None);
        }
        finally
        {
            EndWrite();
        }
    }

    /// <summary>What its requests are read with.</summary>
    public MessageReader Requests => Volatile.Read(ref _isEnded) ? throw new OperationCanceledException("The call has ended.") : _reader!;

    /// <summary>Sends one message of a stream; completes when the connection has room for more, so a slow reader slows the method down.</summary>
    /// <param name="cancellationToken">
    /// Not the call's own: Kestrel answers a flush that is cancelled by resetting the stream, and the deadline has a status to send.
    /// </param>
    public async Task WriteAsync<T>(Marshaller<T> marshaller, T message, CancellationToken cancellationToken)
    {
        BeginWrite();
        try
        {
            Write(marshaller, message);
            var mayWait = WriteOptions is { Flags: var flags } && flags.HasFlag(WriteFlags.BufferHint);
            if (mayWait && http.Response.BodyWriter.UnflushedBytes < MaxBufferedBytes) return;
            var flushed = await http.Response.BodyWriter.FlushAsync(cancellationToken);
            // Nothing of it is sent any more, and at once: a method that writes on and on would keep its thread until the token fires,
            // and enough of them the thread that fires it.
            if (flushed.IsCompleted) throw new LostCallerException(new IOException("The stream has ended."));
        }
        finally
        {
            EndWrite();
        }
    }

    /// <summary>Ends the call with its one response and the status of the method. The transport flushes both together.</summary>
    public void End<T>(Marshaller<T> marshaller, T message)
    {
        if (message is null) throw new InvalidOperationException($"The method {Method} returned null.");
        // A caller that left gets nothing either way, but is counted as such.
        if (IsMeasured && http.RequestAborted.IsCancellationRequested) Abandon();
        var isOk = Status.StatusCode == StatusCode.OK;
        lock (_gate)
        {
            if (_isEnded) return;
            // Inside of the lock: a deadline that passes meanwhile comes too late, not into the middle of the message.
            if (isOk) Write(marshaller, message);
            MarkEnded(Status);
        }
        WriteStatus(Status, _responseTrailers, null, hasMessages: isOk);
    }

    /// <summary>Ends the call, unless it has ended.</summary>
    /// <param name="trailers">Of the error; they follow those that the method has set.</param>
    public void End(Status status, Metadata? trailers)
    {
        lock (_gate)
        {
            if (_isEnded) return;
            MarkEnded(status);
        }
        WriteStatus(status, _responseTrailers, trailers);
    }

    /// <summary>
    /// Completes when the answer that the deadline has begun is out, which is before the HTTP context may be recycled; null when the call ended otherwise. For
    /// whoever knows that it has ended.
    /// </summary>
    public Task? DeadlineAnswered => _deadlineAnswer?.Task;

    public void OnDeadline() => _ = AnswerDeadlineAsync();

    public ValueTask DisposeAsync()
    {
        _isDisposed = true;
        if (_parts is not null) GiveBack(_parts);
        return _onAborted.DisposeAsync();
    }

    // A deadline that fires now finds that the call has ended. A method that streams may read or write in the background even now; one that does not has
    // never seen the parts.
    private void GiveBack(ServerCallParts parts)
    {
        parts.Deadline.Stop();
        if (method.Type == MethodType.Unary) pool.Return(parts);
        else parts.Dispose();
    }

    private void Write<T>(Marshaller<T> marshaller, T message)
    {
        ChooseEncoding();
        var compress = _compresses && !(WriteOptions is { Flags: var flags } && flags.HasFlag(WriteFlags.NoCompress));
        _parts!.Writer.Write(http.Response.BodyWriter, marshaller, message, compress);
    }

    // Once, before the first byte: what the method or else the server wants, as far as the caller can read it.
    private void ChooseEncoding()
    {
        if (_hasHeaders) return;
        _hasHeaders = true;
        if ((_wantedEncoding ?? options.ResponseCompression) != Compression.Gzip) return;
        _compresses = Compression.AcceptsGzip(http.Request.Headers[HeaderNames.AcceptEncoding].ToString());
        if (_compresses) http.Response.Headers[HeaderNames.Encoding] = Compression.Gzip;
    }

    private RpcException DeadlinePassed() => RpcErrors.Create(
        StatusCode.DeadlineExceeded, RefusalReasons.DeadlineExceeded, "The deadline passed before the call was answered.", method.ServiceName);

    private void Abandon()
    {
        lock (_gate)
        {
            if (_isEnded) return;
            MarkEnded(Status.DefaultCancelled);
        }
        _ended?.Cancel();
    }

    // The answer goes out even past a method that ignores its token. Of the trailers that the method set none are sent: it may be
    // changing them right now.
    private async Task AnswerDeadlineAsync()
    {
        var error = DeadlinePassed();
        TaskCompletionSource answered;
        Task written;
        lock (_gate)
        {
            if (_isEnded) return;
            MarkEnded(error.Status);
            answered = _deadlineAnswer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            written = (_written = _isWriting ? new(TaskCreationOptions.RunContinuationsAsynchronously) : null)?.Task ?? Task.CompletedTask;
        }
        try
        {
            var cancelled = _ended?.CancelAsync() ?? Task.CompletedTask;
            // Reading a single request is not given the token, which costs something for every call.
            _reader?.CancelPendingRead();
            await CompleteOrResetAsync(written, error);
            await cancelled;
            answered.SetResult();
        }
        catch (Exception exception)
        {
            // Runs on a timer's thread: what went wrong is handed to the call's own thread, which waits for it. A caller that left
            // at the same moment needs no answer.
            if (http.RequestAborted.IsCancellationRequested) answered.SetResult();
            else answered.SetException(exception);
        }
    }

    // Behind messages that a slow reader does not take no status gets through: then the stream is reset.
    private async Task CompleteOrResetAsync(Task written, RpcException error)
    {
        try
        {
            await written.WaitAsync(AnswerGrace, clock);
            WriteStatus(error.Status, null, error.Trailers);
            await http.Response.CompleteAsync().WaitAsync(AnswerGrace, clock);
        }
        catch (TimeoutException)
        {
            http.Features.Get<IHttpResetFeature>()?.Reset(ResetCodeCancel);
        }
    }

    private void MarkEnded(Status status)
    {
        _isEnded = true;
        FinalStatus = status;
        if (IsMeasured) Duration = clock.GetElapsedTime(_startedAt);
    }

    private void BeginWrite()
    {
        lock (_gate)
        {
            if (_isEnded) throw new OperationCanceledException("The call has ended.", new CancellationToken(canceled: true));
            if (_isWriting) throw new InvalidOperationException("A write is still under way: write one message at a time.");
            _isWriting = true;
        }
    }

    private void EndWrite()
    {
        lock (_gate)
        {
            _isWriting = false;
            _written?.SetResult();
        }
    }

    // Before anything was sent the status goes into the headers ("trailers-only"), otherwise behind the last message.
    private void WriteStatus(Status status, Metadata? own, Metadata? error, bool hasMessages = false)
    {
        var response = http.Response;
        var isTrailersOnly = !hasMessages && !response.HasStarted && response.BodyWriter.UnflushedBytes == 0;
        var target = isTrailersOnly ? response.Headers : ((IHttpResponseTrailersFeature)http.Features[typeof(IHttpResponseTrailersFeature)]!).Trailers;
        target.GrpcStatus = HeaderNames.Format(status.StatusCode);
        if (status.Detail.Length > 0) target.GrpcMessage = PercentCoding.Encode(RpcErrors.Cut(status.Detail));
        if (options.SendServerTiming)
            target[HeaderNames.ServerTiming] = string.Create(CultureInfo.InvariantCulture, $"rpc;dur={Duration.TotalMilliseconds:0.###}");
        MetadataCoding.Append(own, target);
        MetadataCoding.Append(error, target);
    }

    private Metadata ReadRequestHeaders()
    {
        var metadata = new Metadata();
        // The HTTP context may serve another request by now: what was not read of this one is gone.
        if (_isDisposed) return metadata;
        foreach (var (name, values) in http.Request.Headers)
        {
            foreach (var value in values) MetadataCoding.Decode(metadata, name, value);
        }
        return metadata;
    }
}
