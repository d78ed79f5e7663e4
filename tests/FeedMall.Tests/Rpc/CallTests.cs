using FeedMall.Rpc.Errors;
using FeedMall.Tests.Rpc.Proto;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace FeedMall.Tests.Rpc;

public sealed class CallTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_unary_call_carries_its_messages()
    {
        await using var host = await EchoHost.StartAsync();
        var response = await host.Client.SayAsync(new EchoRequest { Text = "grüße ☺" }, cancellationToken: Token);
        Assert.Equal("grüße ☺", response.Text);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16_384)]
    [InlineData(1_000_000)]
    [InlineData(4_000_000)]
    public async Task A_payload_of_any_size_comes_back_equal(int bytes)
    {
        await using var host = await EchoHost.StartAsync();
        var payload = new byte[bytes];
        for (var i = 0; i < bytes; i++) payload[i] = (byte)(i * 31);
        var response = await host.Client.SayAsync(new EchoRequest { Payload = ByteString.CopyFrom(payload) }, cancellationToken: Token);
        Assert.Equal(payload, response.Payload.ToByteArray());
    }

    [Fact]
    public async Task A_stream_carries_its_messages_in_order_and_ends()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Count(new EchoRequest { Text = "n", Count = 1000 }, cancellationToken: Token);
        var numbers = new List<int>();
        await foreach (var response in call.ResponseStream.ReadAllAsync(Token)) numbers.Add(response.Number);
        Assert.Equal(Enumerable.Range(1, 1000), numbers);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task A_stream_without_messages_just_ends()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Count(new EchoRequest(), cancellationToken: Token);
        Assert.False(await call.ResponseStream.MoveNext(Token));
        Assert.False(await call.ResponseStream.MoveNext(Token));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task A_stream_that_fails_half_way_gives_its_messages_and_then_the_error()
    {
        await using var host = await EchoHost.StartAsync();
        host.Script.Count = async (_, stream, _) =>
        {
            await stream.WriteAsync(new EchoResponse { Number = 1 });
            throw new ServiceException(StatusCode.FailedPrecondition, "ECHO_BROKE", "half way");
        };
        using var call = host.Client.Count(new EchoRequest(), cancellationToken: Token);
        Assert.True(await call.ResponseStream.MoveNext(Token));
        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Token));
        Assert.Equal((StatusCode.FailedPrecondition, "ECHO_BROKE"), (error.StatusCode, error.FindErrorInfo()!.Reason));
    }

    [Fact]
    public async Task Many_calls_at_once_share_the_channel()
    {
        await using var host = await EchoHost.StartAsync();
        var calls = Enumerable.Range(0, 300).Select(async i =>
            (i, await host.Client.SayAsync(new EchoRequest { Text = $"{i}" }, cancellationToken: Token)));
        foreach (var (i, response) in await Task.WhenAll(calls)) Assert.Equal($"{i}", response.Text);
    }

    [Fact]
    public async Task Metadata_travels_both_ways_with_binary_and_repeated_entries()
    {
        await using var host = await EchoHost.StartAsync(server: options => options.SendServerTiming = true);
        Metadata? seen = null;
        host.Script.Say = async (_, context) =>
        {
            seen = context.RequestHeaders;
            await context.WriteResponseHeadersAsync(new Metadata { { "x-start", "a b" }, { "x-start-bin", [0xAB, 0xAB, 0xAB] } });
            context.ResponseTrailers.Add("x-end", "z");
            context.ResponseTrailers.Add("x-end-bin", [0]);
            return new EchoResponse();
        };
        using var call = host.Client.SayAsync(
            new EchoRequest(), new Metadata { { "X-Many", "1" }, { "x-many", "2" }, { "x-raw-bin", [1] }, { "x-raw-bin", [0, 255] } }, cancellationToken: Token);
        var headers = await call.ResponseHeadersAsync;
        await call;
        Assert.Equal(["1", "2"], seen!.GetAll("x-many").SelectMany(entry => entry.Value.Split(", ")));
        Assert.Equal([[1], [0, 255]], seen!.GetAll("x-raw-bin").Select(entry => entry.ValueBytes));
        Assert.DoesNotContain(seen!, entry => entry.Key.StartsWith("grpc-", StringComparison.Ordinal) || entry.Key is "te" or "content-type");
        Assert.Equal("a b", headers.GetValue("x-start"));
        Assert.Equal([0xAB, 0xAB, 0xAB], headers.GetValueBytes("x-start-bin")!);
        Assert.Equal("z", call.GetTrailers().GetValue("x-end"));
        Assert.Equal([0], call.GetTrailers().GetValueBytes("x-end-bin")!);
        Assert.StartsWith("rpc;dur=", call.GetTrailers().GetValue("server-timing"));
    }

    [Fact]
    public async Task Response_headers_arrive_before_the_first_message_when_the_method_sends_them()
    {
        await using var host = await EchoHost.StartAsync();
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Script.Say = async (_, context) =>
        {
            await context.WriteResponseHeadersAsync(new Metadata { { "x-early", "1" } });
            await release.Task;
            return new EchoResponse { Text = "after" };
        };
        using var call = host.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        Assert.Equal("1", (await call.ResponseHeadersAsync).GetValue("x-early"));
        release.SetResult();
        Assert.Equal("after", (await call).Text);
    }

    [Fact]
    public async Task A_protocol_header_is_refused_as_metadata_before_anything_is_sent()
    {
        await using var host = await EchoHost.StartAsync();
        var error = await Assert.ThrowsAsync<RpcException>(async () =>
            await host.Client.SayAsync(new EchoRequest(), new Metadata { { "grpc-status", "0" } }, cancellationToken: Token));
        Assert.Equal(StatusCode.Internal, error.StatusCode);
    }

    [Fact]
    public async Task A_refusal_arrives_with_reason_domain_and_metadata_and_is_no_error_in_the_log()
    {
        await using var host = await EchoHost.StartAsync();
        host.Script.Say = (_, _) => throw new ServiceException(
            StatusCode.NotFound, "ECHO_NOT_FOUND", "nothing — here\n", new Dictionary<string, string> { ["id"] = "ü1" });
        var error = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        var info = error.FindErrorInfo()!;
        Assert.Equal((StatusCode.NotFound, "nothing — here\n"), (error.StatusCode, error.Status.Detail));
        Assert.Equal(("ECHO_NOT_FOUND", "feedmall.tests.rpc.Echo", "ü1"), (info.Reason, info.Domain, info.Metadata["id"]));
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task A_status_that_a_method_throws_or_sets_arrives_as_it_is()
    {
        await using var host = await EchoHost.StartAsync();
        host.Script.Say = (_, _) => throw new RpcException(new Status(StatusCode.DataLoss, "gone"), new Metadata { { "x-part", "7" } });
        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal((StatusCode.DataLoss, "gone", "7"), (thrown.StatusCode, thrown.Status.Detail, thrown.Trailers.GetValue("x-part")));

        host.Script.Say = (_, context) =>
        {
            context.Status = new Status(StatusCode.Aborted, "set");
            return Task.FromResult(new EchoResponse());
        };
        var set = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal((StatusCode.Aborted, "set"), (set.StatusCode, set.Status.Detail));
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task An_uncaught_exception_is_logged_once_and_hides_its_internals_from_the_caller()
    {
        await using var host = await EchoHost.StartAsync();
        host.Script.Say = (_, _) => throw new InvalidOperationException("secret connection string");
        var error = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal((StatusCode.Internal, Reasons.Internal), (error.StatusCode, error.FindErrorInfo()!.Reason));
        Assert.DoesNotContain("secret", error.ToString() + string.Concat(error.Trailers.Select(entry => entry.ToString())), StringComparison.Ordinal);
        Assert.Equal("secret connection string", Assert.Single(host.Errors).Exception!.Message);
    }

    [Fact]
    public async Task A_method_that_returns_null_is_a_defect_of_ours()
    {
        await using var host = await EchoHost.StartAsync();
        host.Script.Say = (_, _) => Task.FromResult<EchoResponse>(null!);
        var error = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal(StatusCode.Internal, error.StatusCode);
        Assert.Single(host.Errors);
    }

    [Fact]
    public async Task A_call_that_would_block_a_thread_is_refused()
    {
        await using var host = await EchoHost.StartAsync();
        Assert.Throws<NotSupportedException>(() => host.Client.Say(new EchoRequest(), cancellationToken: Token));
    }

    [Fact]
    public async Task Messages_over_the_limit_are_refused_in_every_direction()
    {
        var large = new EchoRequest { Payload = ByteString.CopyFrom(new byte[1000]) };
        async Task<StatusCode> CodeOf(EchoHost host) =>
            (await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(large, cancellationToken: Token))).StatusCode;

        await using var receiving = await EchoHost.StartAsync(server: options => options.MaxReceiveMessageBytes = 500);
        Assert.Equal(StatusCode.ResourceExhausted, await CodeOf(receiving));
        await using var sending = await EchoHost.StartAsync(server: options => options.MaxSendMessageBytes = 500);
        Assert.Equal(StatusCode.ResourceExhausted, await CodeOf(sending));
        await using var client = await EchoHost.StartAsync(client: options => options.MaxReceiveMessageBytes = 500);
        Assert.Equal(StatusCode.ResourceExhausted, await CodeOf(client));
        await using var clientSending = await EchoHost.StartAsync(client: options => options.MaxSendMessageBytes = 500);
        Assert.Equal(StatusCode.ResourceExhausted, await CodeOf(clientSending));
        Assert.Empty(receiving.Errors.Concat(sending.Errors).Concat(client.Errors));
    }
}
