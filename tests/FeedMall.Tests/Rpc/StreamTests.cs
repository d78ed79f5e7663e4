using FeedMall.Rpc.Client;
using FeedMall.Testing;
using FeedMall.Tests.Rpc.Proto;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>Calls whose requests are a stream.</summary>
public sealed class StreamTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Many_requests_give_one_response()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Gather(cancellationToken: Token);
        foreach (var text in new[] { "a", "b", "c" }) await call.RequestStream.WriteAsync(new EchoRequest { Text = text }, Token);
        await call.RequestStream.CompleteAsync();
        var response = await call;
        Assert.Equal(("abc", 3), (response.Text, response.Number));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task No_requests_at_all_are_a_valid_stream_both_ways()
    {
        await using var host = await EchoHost.StartAsync();
        using var gather = host.Client.Gather(cancellationToken: Token);
        await gather.RequestStream.CompleteAsync();
        Assert.Equal(0, (await gather).Number);
        using var chat = host.Client.Chat(cancellationToken: Token);
        await chat.RequestStream.CompleteAsync();
        Assert.False(await chat.ResponseStream.MoveNext(Token));
    }

    [Fact]
    public async Task Requests_and_responses_take_turns()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Chat(cancellationToken: Token);
        for (var i = 0; i < 100; i++)
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = $"{i}" }, Token);
            Assert.True(await call.ResponseStream.MoveNext(Token));
            Assert.Equal($"{i}", call.ResponseStream.Current.Text);
        }
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(Token));
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task Both_directions_run_at_the_same_time_with_messages_larger_than_any_window()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Chat(cancellationToken: Token);
        var payload = ByteString.CopyFrom(new byte[500_000]);
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < 40; i++) await call.RequestStream.WriteAsync(new EchoRequest { Text = $"{i}", Payload = payload }, Token);
            await call.RequestStream.CompleteAsync();
        }, Token);
        var received = new List<string>();
        await foreach (var response in call.ResponseStream.ReadAllAsync(Token))
        {
            Assert.Equal(500_000, response.Payload.Length);
            received.Add(response.Text);
        }
        await writing;
        Assert.Equal(Enumerable.Range(0, 40).Select(i => $"{i}"), received);
    }

    [Fact]
    public async Task A_server_that_answers_early_ends_the_call_and_the_writer_hears_of_it()
    {
        await using var host = await EchoHost.StartAsync();
        var isWritten = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Script.Gather = async (requests, _) =>
        {
            await requests.MoveNext(Token);
            await isWritten.Task;
            throw new RpcException(new Status(StatusCode.FailedPrecondition, "enough"));
        };
        using var call = host.Client.Gather(cancellationToken: Token);
        await call.RequestStream.WriteAsync(new EchoRequest(), Token);
        isWritten.SetResult();
        var error = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal((StatusCode.FailedPrecondition, "enough"), (error.StatusCode, error.Status.Detail));
        Assert.Equal(StatusCode.FailedPrecondition, (await Assert.ThrowsAsync<RpcException>(() => call.RequestStream.WriteAsync(new EchoRequest(), Token))).StatusCode);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task A_server_that_needs_no_more_requests_may_answer_well_before_they_end()
    {
        await using var host = await EchoHost.StartAsync();
        host.Script.Gather = async (requests, _) =>
        {
            await requests.MoveNext(Token);
            return new EchoResponse { Text = requests.Current.Text };
        };
        using var call = host.Client.Gather(cancellationToken: Token);
        await call.RequestStream.WriteAsync(new EchoRequest { Text = "first" }, Token);
        Assert.Equal("first", (await call).Text);
        await Assert.ThrowsAsync<InvalidOperationException>(() => call.RequestStream.WriteAsync(new EchoRequest(), Token));
    }

    [Fact]
    public async Task Two_writes_at_once_and_writes_after_the_end_are_refused()
    {
        await using var host = await EchoHost.StartAsync();
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Script.Gather = async (requests, _) =>
        {
            await go.Task;
            var count = 0;
            while (await requests.MoveNext(Token)) count++;
            return new EchoResponse { Number = count };
        };
        using var call = host.Client.Gather(cancellationToken: Token);
        // More than every window, so that it cannot be out before the server reads.
        var first = call.RequestStream.WriteAsync(new EchoRequest { Payload = ByteString.CopyFrom(new byte[4_000_000]) }, Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => call.RequestStream.WriteAsync(new EchoRequest(), Token));
        go.SetResult();
        await first;
        await call.RequestStream.CompleteAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => call.RequestStream.WriteAsync(new EchoRequest(), Token));
        Assert.Equal(1, (await call).Number);
    }

    [Fact]
    public async Task Giving_up_a_stream_of_requests_reaches_the_method()
    {
        await using var host = await EchoHost.StartAsync();
        var (begun, ended) = (new TaskCompletionSource(), new TaskCompletionSource<Exception>());
        host.Script.Chat = async (requests, _, _) =>
        {
            try
            {
                await requests.MoveNext(Token);
                begun.SetResult();
                await requests.MoveNext(Token);
            }
            catch (Exception exception)
            {
                ended.SetResult(exception);
                throw;
            }
        };
        using var call = host.Client.Chat(cancellationToken: Token);
        await call.RequestStream.WriteAsync(new EchoRequest(), Token);
        await begun.Task.WaitAsync(Token);
        call.Dispose();
        Assert.NotNull(await ended.Task.WaitAsync(Token));
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Token))).StatusCode);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task A_deadline_ends_a_stream_of_requests_on_both_sides()
    {
        var clock = new TestClock();
        await using var host = await EchoHost.StartAsync(clock: clock);
        var (begun, ended) = (new TaskCompletionSource(), new TaskCompletionSource());
        host.Script.Gather = async (requests, context) =>
        {
            begun.SetResult();
            try
            {
                while (await requests.MoveNext(context.CancellationToken)) { }
                return new EchoResponse();
            }
            finally
            {
                ended.TrySetResult();
            }
        };
        using var call = host.Client.Gather(deadline: clock.GetUtcNow().UtcDateTime.AddSeconds(1), cancellationToken: Token);
        await call.RequestStream.WriteAsync(new EchoRequest(), Token);
        await begun.Task.WaitAsync(Token);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(StatusCode.DeadlineExceeded, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        await ended.Task.WaitAsync(Token);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task A_request_over_the_limit_ends_the_stream_with_its_status()
    {
        await using var host = await EchoHost.StartAsync(server: options => options.MaxReceiveMessageBytes = 1000);
        using var call = host.Client.Gather(cancellationToken: Token);
        // The writer may hear of it before its message counts as sent.
        await Record.ExceptionAsync(() => call.RequestStream.WriteAsync(new EchoRequest { Payload = ByteString.CopyFrom(new byte[2000]) }, Token));
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
    }

    [Theory]
    [InlineData(null, null, false)]
    [InlineData("gzip", null, true)]
    [InlineData(null, "gzip", true)]
    [InlineData("gzip", "identity", false)]
    public async Task Requests_are_compressed_when_the_client_or_the_call_says_so(string? client, string? call, bool isCompressed)
    {
        await using var host = await EchoHost.StartAsync(client: options => options.RequestCompression = client);
        var seen = new List<bool>();
        host.Script.Gather = async (requests, context) =>
        {
            while (await requests.MoveNext(Token)) seen.Add(((FeedMall.Rpc.Server.ServerCall)context).LastRequestWasCompressed);
            return new EchoResponse();
        };
        var headers = call is null ? null : new Metadata { { "grpc-internal-encoding-request", call } };
        using var gather = host.Client.Gather(headers, cancellationToken: Token);
        await gather.RequestStream.WriteAsync(new EchoRequest { Text = new string('a', 1000) }, Token);
        gather.RequestStream.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
        await gather.RequestStream.WriteAsync(new EchoRequest { Text = new string('a', 1000) }, Token);
        await gather.RequestStream.CompleteAsync();
        await gather;
        Assert.Equal([isCompressed, false], seen);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Responses_are_compressed_when_the_server_or_the_method_says_so(bool byMethod)
    {
        await using var host = await EchoHost.StartAsync(server: options => options.ResponseCompression = byMethod ? null : "gzip");
        host.Script.Say = async (request, context) =>
        {
            if (byMethod) await context.WriteResponseHeadersAsync(new Metadata { { "grpc-internal-encoding-request", "gzip" } });
            if (request.Text == "plain") context.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
            return new EchoResponse { Text = new string('a', 100_000) };
        };
        foreach (var (text, isCompressed) in new[] { ("packed", true), ("plain", false) })
        {
            using var call = host.Client.SayAsync(new EchoRequest { Text = text }, cancellationToken: Token);
            Assert.Equal(100_000, (await call).Text.Length);
            Assert.Equal(isCompressed, ((ClientCall)call.State).LastResponseWasCompressed);
        }
    }

    [Fact]
    public async Task A_few_bytes_that_unpack_to_far_too_many_are_refused_on_both_sides()
    {
        await using var host = await EchoHost.StartAsync(
            server: options => (options.MaxReceiveMessageBytes, options.ResponseCompression) = (100_000, "gzip"),
            client: options => (options.MaxReceiveMessageBytes, options.RequestCompression) = (100_000, "gzip"));
        var bomb = new EchoRequest { Payload = ByteString.CopyFrom(new byte[50_000_000]) };
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(bomb, cancellationToken: Token))).StatusCode);
        host.Script.Say = (_, _) => Task.FromResult(new EchoResponse { Payload = bomb.Payload });
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token))).StatusCode);
        Assert.Empty(host.Errors);
    }
}
