using System.Diagnostics;
using FeedMall.IntegrationTests.Interop.Proto;
using FeedMall.Rpc.Client;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using static FeedMall.IntegrationTests.Interop.InteropService;

namespace FeedMall.IntegrationTests.Interop;

/// <summary>A case did not go as it should.</summary>
internal sealed class InteropException(string message) : Exception(message);

/// <summary>The official interop cases with our client. Every call has a deadline, so every case ends.</summary>
internal sealed class InteropClient : IAsyncDisposable
{
    /// <summary>Of one call.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private const string LongMessage = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    private static readonly byte[] EchoedBytes = [0xab, 0xab, 0xab];

    private readonly string _address;
    private readonly ServiceProvider _services;
    private readonly TestService.TestServiceClient _client;

    private InteropClient(string address)
    {
        _address = address;
        _services = new ServiceCollection()
            .AddGrpcClient<TestService.TestServiceClient>(Configure)
            .AddGrpcClient<UnimplementedService.UnimplementedServiceClient>(Configure)
            .BuildServiceProvider();
        _client = _services.GetRequiredService<TestService.TestServiceClient>();
    }

    /// <summary>Runs these cases against a server.</summary>
    public static async Task<IReadOnlyList<CaseResult>> RunAsync(string address, IReadOnlyList<InteropCase> cases)
    {
        await using var client = new InteropClient(address);
        var results = new List<CaseResult>();
        foreach (var one in cases) results.Add(await client.RunAsync(one.Name));
        return results;
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    private async Task<CaseResult> RunAsync(string name)
    {
        try
        {
            await StartAsync(name);
            return new CaseResult(name, true, "");
        }
        catch (Exception exception)
        {
            // Whatever it is: it is how the case went.
            return new CaseResult(name, false, exception.ToString());
        }
    }

    private Task StartAsync(string name) => name switch
    {
        "empty_unary" => EmptyUnaryAsync(),
        "large_unary" => LargeUnaryAsync(_client),
        "client_compressed_unary" => ClientCompressedUnaryAsync(),
        "server_compressed_unary" => ServerCompressedUnaryAsync(),
        "client_streaming" => ClientStreamingAsync(),
        "client_compressed_streaming" => ClientCompressedStreamingAsync(),
        "server_streaming" => ServerStreamingAsync(),
        "server_compressed_streaming" => ServerCompressedStreamingAsync(),
        "ping_pong" => PingPongAsync(),
        "empty_stream" => EmptyStreamAsync(),
        "cancel_after_begin" => CancelAfterBeginAsync(),
        "cancel_after_first_response" => CancelAfterFirstResponseAsync(),
        "timeout_on_sleeping_server" => TimeoutOnSleepingServerAsync(),
        "custom_metadata" => CustomMetadataAsync(),
        "status_code_and_message" => StatusCodeAndMessageAsync(),
        "special_status_message" => SpecialStatusMessageAsync(),
        "unimplemented_method" => FailsAsync(StatusCode.Unimplemented, async () => await _client.UnimplementedCallAsync(new Empty(), Options())),
        "unimplemented_service" => FailsAsync(StatusCode.Unimplemented, async () =>
            await _services.GetRequiredService<UnimplementedService.UnimplementedServiceClient>().UnimplementedCallAsync(new Empty(), Options())),
        "rpc_soak" => RpcSoakAsync(),
        "channel_soak" => ChannelSoakAsync(),
        "concurrent_large_unary" => Task.WhenAll(Enumerable.Range(0, 50).Select(_ => LargeUnaryAsync(_client))),
        "compressed_request" => CompressedRequestAsync(),
        "compressed_response" => CompressedResponseAsync(),
        "half_duplex" => HalfDuplexAsync(),
        _ => throw new InteropException($"There is no case {name}."),
    };

    private async Task EmptyUnaryAsync() => Same(new Empty(), await _client.EmptyCallAsync(new Empty(), Options()));

    private static async Task LargeUnaryAsync(TestService.TestServiceClient client) => CheckLarge(await client.UnaryCallAsync(Large(), Options()));

    private async Task ClientCompressedUnaryAsync()
    {
        SimpleRequest expecting = Large(), notExpecting = Large();
        (expecting.ExpectCompressed, notExpecting.ExpectCompressed) = (Flag(true), Flag(false));
        await FailsAsync(StatusCode.InvalidArgument, async () => await _client.UnaryCallAsync(expecting, Options()));
        CheckLarge(await _client.UnaryCallAsync(expecting, MessageCompression.Gzip(Options())));
        CheckLarge(await _client.UnaryCallAsync(notExpecting, MessageCompression.Uncompressed(MessageCompression.Gzip(Options()))));
    }

    private async Task ServerCompressedUnaryAsync()
    {
        foreach (var isCompressed in new[] { true, false })
        {
            var request = Large();
            request.ResponseCompressed = Flag(isCompressed);
            using var call = _client.UnaryCallAsync(request, Options());
            CheckLarge(await call);
            Same(isCompressed, MessageCompression.WasCompressed(call));
        }
    }

    private async Task ClientStreamingAsync()
    {
        using var call = _client.StreamingInputCall(Options());
        foreach (var size in new[] { 27182, 8, 1828, 45904 }) await call.RequestStream.WriteAsync(new StreamingInputCallRequest { Payload = Zeros(size) });
        await call.RequestStream.CompleteAsync();
        Same(74922, (await call).AggregatedPayloadSize);
    }

    private async Task ClientCompressedStreamingAsync()
    {
        var compressed = new StreamingInputCallRequest { Payload = Zeros(27182), ExpectCompressed = Flag(true) };
        using var probe = _client.StreamingInputCall(Options());
        await FailsAsync(StatusCode.InvalidArgument, async () =>
        {
            await probe.RequestStream.WriteAsync(compressed);
            await probe.RequestStream.CompleteAsync();
            await probe;
        });
        using var call = _client.StreamingInputCall(MessageCompression.Gzip(Options()));
        await call.RequestStream.WriteAsync(compressed);
        MessageCompression.Use(call.RequestStream, isCompressed: false);
        await call.RequestStream.WriteAsync(new StreamingInputCallRequest { Payload = Zeros(45904), ExpectCompressed = Flag(false) });
        await call.RequestStream.CompleteAsync();
        Same(73086, (await call).AggregatedPayloadSize);
    }

    private async Task ServerStreamingAsync()
    {
        int[] sizes = [31415, 9, 2653, 58979];
        using var call = _client.StreamingOutputCall(Asking(sizes), Options());
        SameInOrder(sizes, await ReadSizesAsync(call.ResponseStream));
        Same(StatusCode.OK, call.GetStatus().StatusCode);
    }

    private async Task ServerCompressedStreamingAsync()
    {
        var request = Asking(31415, 92653);
        (request.ResponseParameters[0].Compressed, request.ResponseParameters[1].Compressed) = (Flag(true), Flag(false));
        using var call = _client.StreamingOutputCall(request, Options());
        var seen = new List<(int, bool)>();
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
            seen.Add((call.ResponseStream.Current.Payload.Body.Length, MessageCompression.WasCompressed(call)));
        SameInOrder([(31415, true), (92653, false)], seen);
    }

    private async Task PingPongAsync()
    {
        using var call = _client.FullDuplexCall(Options());
        foreach (var (response, request) in new[] { (31415, 27182), (9, 8), (2653, 1828), (58979, 45904) })
        {
            await call.RequestStream.WriteAsync(Exchange(response, request));
            Same(true, await call.ResponseStream.MoveNext(CancellationToken.None));
            Same(response, call.ResponseStream.Current.Payload.Body.Length);
        }
        await EndsAsync(call);
    }

    private async Task EmptyStreamAsync()
    {
        using var call = _client.FullDuplexCall(Options());
        await EndsAsync(call);
    }

    private async Task CancelAfterBeginAsync()
    {
        using var cancel = new CancellationTokenSource();
        using var call = _client.StreamingInputCall(Options().WithCancellationToken(cancel.Token));
        await cancel.CancelAsync();
        await FailsAsync(StatusCode.Cancelled, async () => await call);
    }

    private async Task CancelAfterFirstResponseAsync()
    {
        using var cancel = new CancellationTokenSource();
        using var call = _client.FullDuplexCall(Options().WithCancellationToken(cancel.Token));
        await call.RequestStream.WriteAsync(Exchange(31415, 27182));
        Same(true, await call.ResponseStream.MoveNext(CancellationToken.None));
        await cancel.CancelAsync();
        await FailsAsync(StatusCode.Cancelled, () => call.ResponseStream.MoveNext(CancellationToken.None));
    }

    private async Task TimeoutOnSleepingServerAsync()
    {
        var started = Stopwatch.GetTimestamp();
        using var call = _client.FullDuplexCall(new CallOptions(deadline: DateTime.UtcNow.AddMilliseconds(1)));
        await FailsAsync(StatusCode.DeadlineExceeded, async () =>
        {
            try
            {
                await call.RequestStream.WriteAsync(new StreamingOutputCallRequest { Payload = Zeros(27182) });
            }
            catch (Exception exception) when (exception is RpcException or InvalidOperationException or OperationCanceledException)
            {
                // The time can be up before the write: the status is what counts.
            }
            await call.ResponseStream.MoveNext(CancellationToken.None);
        });
        Same(true, Stopwatch.GetElapsedTime(started) < Patience / 2);
    }

    private async Task CustomMetadataAsync()
    {
        Metadata headers = [new(EchoInitial, "test_initial_metadata_value"), new(EchoTrailing, EchoedBytes)];
        using var unary = _client.UnaryCallAsync(Large(), Options().WithHeaders(headers));
        CheckLarge(await unary);
        await CheckEchoedAsync(unary);
        using var duplex = _client.FullDuplexCall(Options().WithHeaders(headers));
        await duplex.RequestStream.WriteAsync(Exchange(314159, 271828));
        Same(true, await duplex.ResponseStream.MoveNext(CancellationToken.None));
        await EndsAsync(duplex);
        await CheckEchoedAsync(duplex);
    }

    private async Task StatusCodeAndMessageAsync()
    {
        var status = new EchoStatus { Code = 2, Message = "test status message" };
        await FailsAsync(StatusCode.Unknown, async () => await _client.UnaryCallAsync(new SimpleRequest { ResponseStatus = status }, Options()), status.Message);
        using var call = _client.FullDuplexCall(Options());
        await call.RequestStream.WriteAsync(new StreamingOutputCallRequest { ResponseStatus = status });
        await FailsAsync(StatusCode.Unknown, () => call.ResponseStream.MoveNext(CancellationToken.None), status.Message);
    }

    private Task SpecialStatusMessageAsync()
    {
        var request = new SimpleRequest { ResponseStatus = new EchoStatus { Code = 2, Message = LongMessage } };
        return FailsAsync(StatusCode.Unknown, async () => await _client.UnaryCallAsync(request, Options()), LongMessage);
    }

    private async Task RpcSoakAsync()
    {
        for (var i = 0; i < 100; i++) await LargeUnaryAsync(_client);
    }

    private async Task ChannelSoakAsync()
    {
        for (var i = 0; i < 20; i++)
        {
            await using var fresh = new InteropClient(_address);
            await LargeUnaryAsync(fresh._client);
        }
    }

    private async Task CompressedRequestAsync() => CheckLarge(await _client.UnaryCallAsync(Large(), MessageCompression.Gzip(Options())));

    private async Task CompressedResponseAsync()
    {
        var request = Asking(314159);
        request.ResponseParameters[0].Compressed = Flag(true);
        using var call = _client.StreamingOutputCall(request, Options());
        Same(true, await call.ResponseStream.MoveNext(CancellationToken.None));
        CheckLarge(new SimpleResponse { Payload = call.ResponseStream.Current.Payload });
        Same(true, MessageCompression.WasCompressed(call));
    }

    private async Task HalfDuplexAsync()
    {
        int[] sizes = [31415, 9, 2653];
        using var call = _client.HalfDuplexCall(Options());
        foreach (var size in sizes) await call.RequestStream.WriteAsync(Asking(size));
        await call.RequestStream.CompleteAsync();
        SameInOrder(sizes, await ReadSizesAsync(call.ResponseStream));
    }

    private void Configure(IServiceProvider services, GrpcClientOptions options)
    {
        options.Addresses = [new Uri($"http://{_address}")];
        (options.DefaultTimeout, options.ConnectTimeout) = (Patience, Patience);
        // The call with 1 ms is to be sent.
        options.MinTimeout = TimeSpan.Zero;
    }

    private static CallOptions Options() => new(deadline: DateTime.UtcNow + Patience);

    private static BoolValue Flag(bool value) => new() { Value = value };

    private static SimpleRequest Large() => new() { ResponseSize = 314159, Payload = Zeros(271828) };

    private static StreamingOutputCallRequest Asking(params int[] sizes) =>
        new() { ResponseParameters = { sizes.Select(size => new ResponseParameters { Size = size }) } };

    private static StreamingOutputCallRequest Exchange(int response, int request)
    {
        var exchange = Asking(response);
        exchange.Payload = Zeros(request);
        return exchange;
    }

    private static async Task<List<int>> ReadSizesAsync(IAsyncStreamReader<StreamingOutputCallResponse> responses)
    {
        var sizes = new List<int>();
        await foreach (var response in responses.ReadAllAsync()) sizes.Add(response.Payload.Body.Length);
        return sizes;
    }

    // No more requests, no more responses, OK.
    private static async Task EndsAsync(AsyncDuplexStreamingCall<StreamingOutputCallRequest, StreamingOutputCallResponse> call)
    {
        await call.RequestStream.CompleteAsync();
        Same(false, await call.ResponseStream.MoveNext(CancellationToken.None));
        Same(StatusCode.OK, call.GetStatus().StatusCode);
    }

    private static void CheckLarge(SimpleResponse response) => Same(true, response.Payload.Body.Span.SequenceEqual(new byte[314159]));

    private static async Task CheckEchoedAsync(AsyncCall call)
    {
        Same("test_initial_metadata_value", (await call.ResponseHeadersAsync).GetValue(EchoInitial));
        SameInOrder(EchoedBytes, call.GetTrailers().GetValueBytes(EchoTrailing) ?? []);
        Same(StatusCode.OK, call.GetStatus().StatusCode);
    }

    private static async Task FailsAsync(StatusCode code, Func<Task> call, string? message = null)
    {
        try
        {
            await call();
        }
        catch (RpcException exception)
        {
            Same(code, exception.StatusCode);
            if (message is not null) Same(message, exception.Status.Detail);
            return;
        }
        throw new InteropException($"OK instead of {code}.");
    }

    private static void Same<T>(T wanted, T actual)
    {
        if (!EqualityComparer<T>.Default.Equals(wanted, actual)) throw new InteropException($"{actual} instead of {wanted}.");
    }

    private static void SameInOrder<T>(IEnumerable<T> wanted, IEnumerable<T> actual)
    {
        if (!wanted.SequenceEqual(actual)) throw new InteropException($"{string.Join(", ", actual)} instead of {string.Join(", ", wanted)}.");
    }
}
