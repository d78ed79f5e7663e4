using System.Globalization;
using FeedMall.Rpc.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace FeedMall.Rpc.Server;

/// <summary>
/// One call as the server sees it: what the method is given, and the only place that writes the response. A call ends once:
/// whoever wins <see cref="TryEnd"/> (the method's return, an error, the deadline) writes the status, everybody after that is too late.
/// </summary>
internal sealed class ServerCall : ServerCallContext, IDisposable
{
    private const int ResetCodeCancel = 8;

    private readonly GrpcServiceOptions _options;
    private readonly CancellationTokenSource _deadline;
    private readonly CancellationTokenSource _ended;

    // One writer at a time: messages of the method, or the status of the deadline.
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly CancellationTokenRegistration _onDeadline;
    private Dictionary<object, object>? _userState;
    private Metadata? _requestHeaders;
    private Task _deadlineAnswer = Task.CompletedTask;
    private int _isEnded;

    public ServerCall(HttpContext http, IMethod method, TimeSpan timeout, GrpcServiceOptions options, TimeProvider clock)
    {
        Http = http;
        RpcMethod = method;
        _options = options;
        Deadline = clock.GetUtcNow().UtcDateTime + timeout;
        _deadline = new CancellationTokenSource(timeout, clock);
        _ended = CancellationTokenSource.CreateLinkedTokenSource(_deadline.Token, http.RequestAborted);
        // Registered after the link, so it runs before it: the status is decided before the method sees its token fire.
        _onDeadline = _deadline.Token.UnsafeRegister(static call => ((ServerCall)call!).AnswerDeadline(), this);
    }

    public HttpContext Http { get; }

    public IMethod RpcMethod { get; }

    public override string Method => RpcMethod.FullName;

    public override string Host => Http.Request.Host.Value ?? "";

    public override string Peer => Http.Connection.RemoteIpAddress is not { } address
        ? "unix:"
        : address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6
            ? $"ipv6:[{address}]:{Http.Connection.RemotePort}"
            : $"ipv4:{address}:{Http.Connection.RemotePort}";

    public override DateTime Deadline { get; }

    public override Metadata RequestHeaders => _requestHeaders ??= ReadRequestHeaders();

    public override CancellationToken CancellationToken => _ended.Token;

    public override Metadata ResponseTrailers { get; } = [];

    public override Status Status { get; set; } = Status.DefaultSuccess;

    public override IDictionary<object, object> UserState => _userState ??= [];

    /// <summary>How the call really ended; set by the winner of <see cref="TryEnd"/>.</summary>
    public Status FinalStatus { get; private set; } = Status.DefaultCancelled;

    public bool IsDeadlineExceeded => _deadline.IsCancellationRequested;

    public override async Task WriteResponseHeadersAsync(Metadata responseHeaders)
    {
        await _writing.WaitAsync(CancellationToken);
        try
        {
            ThrowIfEnded();
            if (Http.Response.HasStarted) throw new InvalidOperationException("The response headers were sent already.");
            foreach (var entry in responseHeaders) Http.Response.Headers.Append(entry.Key, MetadataCoding.Encode(entry));
            await Http.Response.StartAsync(CancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Sends one message of a stream; completes when the connection has room for more, so a slow reader slows the method down.</summary>
    public async Task WriteAsync<T>(Marshaller<T> marshaller, T message, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            ThrowIfEnded();
            MessageWriter.Write(Http.Response.BodyWriter, marshaller, message, _options.MaxSendMessageBytes);
            await Http.Response.BodyWriter.FlushAsync(cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Ends the call with its one response and the status of the method, unless it has ended.</summary>
    public void End<T>(Marshaller<T> marshaller, T message)
    {
        if (!TryEnd(Status)) return;
        try
        {
            if (Status.StatusCode == StatusCode.OK)
                MessageWriter.Write(Http.Response.BodyWriter, marshaller, message, _options.MaxSendMessageBytes);
        }
        catch (RpcException tooLarge)
        {
            FinalStatus = tooLarge.Status;
        }
        WriteStatus(FinalStatus);
    }

    /// <summary>Ends the call, unless it has ended.</summary>
    public void End(Status status)
    {
        if (TryEnd(status)) WriteStatus(status);
    }

    /// <summary>Waits until an answer that the deadline has begun is out; the HTTP context must not be recycled before.</summary>
    public Task DeadlineAnswered() => _deadlineAnswer;

    public void Dispose()
    {
        _onDeadline.Dispose();
        _ended.Dispose();
        _deadline.Dispose();
        _writing.Dispose();
    }

    private bool TryEnd(Status status)
    {
        if (Interlocked.Exchange(ref _isEnded, 1) != 0) return false;
        FinalStatus = status;
        return true;
    }

    private void ThrowIfEnded()
    {
        if (Volatile.Read(ref _isEnded) != 0) throw new OperationCanceledException("The call has ended.", CancellationToken);
    }

    private void AnswerDeadline()
    {
        var error = Errors.RpcErrors.Create(
            StatusCode.DeadlineExceeded, Errors.Reasons.DeadlineExceeded, "The deadline passed before the call was answered.", RpcMethod.ServiceName);
        if (TryEnd(error.Status)) _deadlineAnswer = AnswerDeadlineAsync(error);
    }

    private async Task AnswerDeadlineAsync(RpcException error)
    {
        // A write that is stuck at a slow reader holds the gate: then the stream is reset instead of answered.
        if (!_writing.Wait(0))
        {
            Http.Features.Get<IHttpResetFeature>()?.Reset(ResetCodeCancel);
            return;
        }
        try
        {
            foreach (var entry in error.Trailers) ResponseTrailers.Add(entry);
            WriteStatus(error.Status);
            await Http.Response.CompleteAsync();
        }
        catch (Exception gone) when (gone is IOException or InvalidOperationException or OperationCanceledException)
        {
            // The caller went away at the same moment.
            Http.Abort();
        }
        finally
        {
            _writing.Release();
        }
    }

    // Before anything was sent the status goes into the headers ("trailers-only"), otherwise behind the last message.
    private void WriteStatus(Status status)
    {
        var response = Http.Response;
        var trailersOnly = !response.HasStarted && response.BodyWriter.UnflushedBytes == 0;
        void Append(string name, string value)
        {
            if (trailersOnly) response.Headers.Append(name, value);
            else response.AppendTrailer(name, value);
        }
        Append(HeaderNames.Status, ((int)status.StatusCode).ToString(CultureInfo.InvariantCulture));
        if (status.Detail.Length > 0) Append(HeaderNames.Message, PercentCoding.Encode(status.Detail));
        foreach (var entry in ResponseTrailers) Append(entry.Key, MetadataCoding.Encode(entry));
    }

    private Metadata ReadRequestHeaders()
    {
        var metadata = new Metadata();
        foreach (var (name, values) in Http.Request.Headers)
        {
            foreach (var value in values) MetadataCoding.Decode(metadata, name, value);
        }
        return metadata;
    }
}
