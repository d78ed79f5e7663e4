using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>
/// One call as the client sees it, from its request to its status. It ends once, with the first of: the server's status, a broken
/// transport, the deadline, the caller's cancellation. Whatever arrives later is dropped with the stream.
/// </summary>
internal sealed class ClientCall<TRequest, TResponse> : IAsyncStreamReader<TResponse>, IDisposable
    where TRequest : class
    where TResponse : class
{
    private readonly RpcChannel _channel;
    private readonly Method<TRequest, TResponse> _method;
    private readonly CallOptions _options;
    private readonly TimeSpan _timeout;
    private readonly CancellationTokenSource _deadline;
    private readonly CancellationTokenSource _cancel;
    private readonly TaskCompletionSource<Metadata> _headers = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _startedAt;
    private readonly Activity? _span;
    private Task<MessageReader>? _responses;
    private HttpResponseMessage? _response;
    private RpcException? _end;
    private int _isEnded;
    private int _isDisposed;

    public ClientCall(RpcChannel channel, Method<TRequest, TResponse> method, CallOptions options)
    {
        _channel = channel;
        _method = method;
        _options = options;
        _startedAt = channel.Clock.GetTimestamp();
        _span = channel.Telemetry.Activities.StartActivity(method.FullName[1..], ActivityKind.Client);
        _timeout = Remaining();
        _deadline = new CancellationTokenSource(_timeout > TimeSpan.Zero ? _timeout : TimeSpan.Zero, channel.Clock);
        _cancel = CancellationTokenSource.CreateLinkedTokenSource(_deadline.Token, options.CancellationToken);
        // Nobody has to look at the headers of a call; their failure is the call's and is seen there.
        _ = _headers.Task.ContinueWith(static headers => _ = headers.Exception, TaskContinuationOptions.OnlyOnFaulted);
    }

    public Task<Metadata> ResponseHeadersAsync => _headers.Task;

    /// <inheritdoc/>
    public TResponse Current { get; private set; } = null!;

    /// <summary>Sends the request; the responses are then read with <see cref="MoveNext"/>.</summary>
    public void Start(TRequest request) => _responses = SendAsync(request);

    /// <summary>Sends the request and reads its one response.</summary>
    public async Task<TResponse> GetSingleResponseAsync(TRequest request)
    {
        Start(request);
        try
        {
            var reader = await _responses!;
            var response = await reader.ReadAsync(_method.ResponseMarshaller, _cancel.Token);
            if (response is not null && await reader.ReadAsync(_method.ResponseMarshaller, _cancel.Token) is not null)
                throw new RpcException(new Status(StatusCode.Unimplemented, "The response has more than one message; this method has one."));
            ReadFinalStatus();
            return response ?? throw new RpcException(new Status(StatusCode.Unimplemented, "The response has no message; this method has one."));
        }
        catch (Exception exception)
        {
            throw End(exception);
        }
        finally
        {
            Dispose();
        }
    }

    /// <inheritdoc/>
    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (_end is not null) return _end.StatusCode == StatusCode.OK ? false : throw _end;
        // A reader that gives up gives up the call: its stream cannot be continued in the middle of a message.
        await using var giveUp = cancellationToken.UnsafeRegister(static call => ((ClientCall<TRequest, TResponse>)call!)._cancel.Cancel(), this);
        try
        {
            var reader = await _responses!;
            if (await reader.ReadAsync(_method.ResponseMarshaller, _cancel.Token) is { } message)
            {
                Current = message;
                return true;
            }
            ReadFinalStatus();
            Dispose();
            return false;
        }
        catch (Exception exception)
        {
            var error = End(exception);
            Dispose();
            throw error;
        }
    }

    public Status GetStatus() => _end?.Status ?? throw new InvalidOperationException("The call still runs: it has no status yet.");

    public Metadata GetTrailers() => _end?.Trailers ?? throw new InvalidOperationException("The call still runs: it has no trailers yet.");

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        End(new RpcException(new Status(StatusCode.Cancelled, "The call was disposed before it ended.")));
        _cancel.Cancel();
        _response?.Dispose();
        _cancel.Dispose();
        _deadline.Dispose();
    }

    // What a call does before it is on the wire, in this order: deadline, metadata, send. Retry, breaker and pick will join here.
    private async Task<MessageReader> SendAsync(TRequest request)
    {
        if (_timeout < _channel.Options.MinTimeout)
        {
            throw Local(StatusCode.DeadlineExceeded, Reasons.DeadlineInsufficient,
                $"{Math.Max(0, _timeout.TotalMilliseconds):0.#} ms are too little to call {_method.FullName}.");
        }
        using var message = CreateRequest(request);
        _response = await _channel.Http.SendAsync(message, _cancel.Token);
        ReadHeaders(_response);
        return new MessageReader(
            PipeReader.Create(await _response.Content.ReadAsStreamAsync(_cancel.Token)), _channel.Options.MaxReceiveMessageBytes);
    }

    private HttpRequestMessage CreateRequest(TRequest request)
    {
        // Not pooled: the transport may still be sending when the call has ended.
        var body = new ArrayBufferWriter<byte>();
        MessageWriter.Write(body, _method.RequestMarshaller, request, _channel.Options.MaxSendMessageBytes);
        var content = new ReadOnlyMemoryContent(body.WrittenMemory);
        content.Headers.TryAddWithoutValidation("content-type", HeaderNames.ContentType);
        var message = new HttpRequestMessage(HttpMethod.Post, new Uri(_channel.Address, _method.FullName))
        {
            Version = System.Net.HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        message.Headers.TryAddWithoutValidation("te", "trailers");
        message.Headers.TryAddWithoutValidation(HeaderNames.Timeout, GrpcTimeout.Encode(_timeout));
        message.Headers.TryAddWithoutValidation("user-agent", "grpc-csharp-ha/1.0");
        foreach (var entry in _options.Headers ?? [])
        {
            if (!HeaderNames.IsReserved(entry.Key)) message.Headers.TryAddWithoutValidation(entry.Key, MetadataCoding.Encode(entry));
        }
        return message;
    }

    private void ReadHeaders(HttpResponseMessage response)
    {
        var contentType = response.Content.Headers.NonValidated.TryGetValues("content-type", out var values) ? values.ToString() : null;
        var status = (int)response.StatusCode;
        if (!response.Headers.NonValidated.Contains(HeaderNames.Status))
        {
            if (status != 200)
                throw new RpcException(new Status(StatusTables.FromForeignHttp(status), $"The server answered with HTTP status {status} and no gRPC status."));
            if (!HeaderNames.IsGrpc(contentType))
                throw new RpcException(new Status(StatusCode.Unknown, $"The server answered with the content type '{contentType}' instead of application/grpc."));
        }
        if (response.Headers.NonValidated.TryGetValues(HeaderNames.Encoding, out var encoding) && encoding.ToString() is not ("identity" or "") and var name)
            throw new RpcException(new Status(StatusCode.Internal, $"The server uses the encoding '{name}', which was not offered."));
        _headers.TrySetResult(ReadMetadata(response.Headers));
    }

    // At the end of the body: the status stands in the trailers, or in the headers when those were all that came.
    private void ReadFinalStatus()
    {
        var source = _response!.TrailingHeaders.NonValidated.Contains(HeaderNames.Status) ? _response.TrailingHeaders : _response.Headers;
        if (!source.NonValidated.TryGetValues(HeaderNames.Status, out var text))
            throw new RpcException(new Status(StatusCode.Unknown, "The server ended the call without a status."), ReadMetadata(_response.TrailingHeaders));
        var code = int.TryParse(text.ToString(), out var number) && number is >= 0 and <= 16 ? (StatusCode)number : StatusCode.Unknown;
        var detail = source.NonValidated.TryGetValues(HeaderNames.Message, out var message) ? PercentCoding.Decode(message.ToString()) : "";
        var end = new RpcException(new Status(code, detail), ReadMetadata(source));
        if (code != StatusCode.OK) throw end;
        End(end);
    }

    private static Metadata ReadMetadata(System.Net.Http.Headers.HttpResponseHeaders headers)
    {
        var metadata = new Metadata();
        foreach (var (name, values) in headers.NonValidated)
        {
            foreach (var value in values) MetadataCoding.Decode(metadata, name, value);
        }
        return metadata;
    }

    private RpcException End(Exception exception)
    {
        if (Interlocked.Exchange(ref _isEnded, 1) == 0)
        {
            var end = exception as RpcException ?? Translate(exception);
            var failed = end.StatusCode != StatusCode.OK;
            _end = end;
            if (failed) _headers.TrySetException(end);
            _channel.Telemetry.RecordClient(_method, end.StatusCode, _channel.Clock.GetElapsedTime(_startedAt));
            RpcTelemetry.Describe(_span, _method, end.Status, failed);
            _span?.Dispose();
        }
        return _end!;
    }

    // Which of the two happened first cannot be told from the exception, so the tokens are asked: the caller's own wish comes first.
    private RpcException Translate(Exception exception)
    {
        if (_options.CancellationToken.IsCancellationRequested) return Local(StatusCode.Cancelled, Reasons.Cancelled, "The caller gave up.", exception);
        if (_deadline.IsCancellationRequested)
        {
            return Local(StatusCode.DeadlineExceeded, Reasons.DeadlineExceeded,
                $"{_method.FullName} did not answer within {_timeout.TotalMilliseconds:0} ms.", exception);
        }
        if (_cancel.IsCancellationRequested) return Local(StatusCode.Cancelled, Reasons.Cancelled, "The reader gave up.", exception);
        return TransportErrors.Translate(exception, _method.ServiceName);
    }

    private RpcException Local(StatusCode code, string reason, string message, Exception? cause = null) =>
        RpcErrors.Create(code, reason, message, _method.ServiceName, cause: cause);

    // The caller's deadline can only shorten the client's own timeout (spec §7.1 rule 2).
    private TimeSpan Remaining()
    {
        var own = _channel.Options.DefaultTimeout;
        if (_options.Deadline is not { } deadline) return own;
        var left = deadline.ToUniversalTime() - _channel.Clock.GetUtcNow().UtcDateTime;
        return left < own ? left : own;
    }
}
