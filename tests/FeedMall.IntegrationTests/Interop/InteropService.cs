using FeedMall.IntegrationTests.Interop.Proto;
using Google.Protobuf;
using Grpc.Core;

namespace FeedMall.IntegrationTests.Interop;

/// <summary>The official interop test service on our runtime.</summary>
internal sealed class InteropService : TestService.TestServiceBase
{
    public const string EchoInitial = "x-grpc-test-echo-initial";
    public const string EchoTrailing = "x-grpc-test-echo-trailing-bin";

    public override async Task<Empty> EmptyCall(Empty request, ServerCallContext context)
    {
        await SendHeadersAsync(context);
        return new Empty();
    }

    public override async Task<SimpleResponse> UnaryCall(SimpleRequest request, ServerCallContext context)
    {
        CheckCompression(request.ExpectCompressed, context);
        await SendHeadersAsync(context, request.ResponseCompressed is { Value: true });
        CheckStatus(request.ResponseStatus);
        return new SimpleResponse { Payload = Zeros(request.ResponseSize) };
    }

    public override Task<SimpleResponse> CacheableUnaryCall(SimpleRequest request, ServerCallContext context) => UnaryCall(request, context);

    public override async Task StreamingOutputCall(
        StreamingOutputCallRequest request, IServerStreamWriter<StreamingOutputCallResponse> responseStream, ServerCallContext context)
    {
        await SendHeadersAsync(context, request.ResponseParameters.Any(parameters => parameters.Compressed is { Value: true }));
        CheckStatus(request.ResponseStatus);
        await RespondAsync(request, responseStream, context);
    }

    public override async Task<StreamingInputCallResponse> StreamingInputCall(
        IAsyncStreamReader<StreamingInputCallRequest> requestStream, ServerCallContext context)
    {
        var size = 0;
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            CheckCompression(request.ExpectCompressed, context);
            size += request.Payload.Body.Length;
        }
        return new StreamingInputCallResponse { AggregatedPayloadSize = size };
    }

    public override async Task FullDuplexCall(
        IAsyncStreamReader<StreamingOutputCallRequest> requestStream, IServerStreamWriter<StreamingOutputCallResponse> responseStream,
        ServerCallContext context)
    {
        await SendHeadersAsync(context);
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            CheckStatus(request.ResponseStatus);
            await RespondAsync(request, responseStream, context);
        }
    }

    public override async Task HalfDuplexCall(
        IAsyncStreamReader<StreamingOutputCallRequest> requestStream, IServerStreamWriter<StreamingOutputCallResponse> responseStream,
        ServerCallContext context)
    {
        var requests = new List<StreamingOutputCallRequest>();
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken)) requests.Add(request);
        foreach (var request in requests) await RespondAsync(request, responseStream, context);
    }

    /// <summary>As many zero bytes.</summary>
    internal static Payload Zeros(int size) => new() { Body = UnsafeByteOperations.UnsafeWrap(new byte[size]) };

    // What the caller wants to have echoed: one key in the headers, the other in the trailers.
    private static async Task SendHeadersAsync(ServerCallContext context, bool isCompressing = false)
    {
        foreach (var entry in context.RequestHeaders.GetAll(EchoTrailing)) context.ResponseTrailers.Add(entry);
        var headers = new Metadata();
        foreach (var entry in context.RequestHeaders.GetAll(EchoInitial)) headers.Add(entry);
        if (isCompressing) headers.Add(MessageCompression.AskForGzip);
        if (headers.Count > 0) await context.WriteResponseHeadersAsync(headers);
    }

    private static async Task RespondAsync(
        StreamingOutputCallRequest request, IServerStreamWriter<StreamingOutputCallResponse> responseStream, ServerCallContext context)
    {
        foreach (var parameters in request.ResponseParameters)
        {
            if (parameters.IntervalUs > 0) await Task.Delay(TimeSpan.FromMicroseconds(parameters.IntervalUs), context.CancellationToken);
            MessageCompression.Use(responseStream, parameters.Compressed is { Value: true });
            await responseStream.WriteAsync(new StreamingOutputCallResponse { Payload = Zeros(parameters.Size) });
        }
    }

    private static void CheckCompression(BoolValue? expected, ServerCallContext context)
    {
        if (expected is not null && expected.Value != MessageCompression.WasCompressed(context))
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"The request should be compressed: {expected.Value}."));
    }

    private static void CheckStatus(EchoStatus? status)
    {
        if (status is { Code: not 0 }) throw new RpcException(new Status((StatusCode)status.Code, status.Message));
    }
}
