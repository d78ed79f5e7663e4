using FeedMall.Resilience;
using FeedMall.Rpc.Errors;
using FeedMall.Testing;
using FeedMall.Tests.Rpc.Proto;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>Deadlines and cancellation. Where a deadline passes, it does when the test says so; the connections between the two sides are real.</summary>
public sealed class DeadlineTests
{
    // Nothing that should happen may take this long; it only keeps a defect from hanging the run.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly TestClock _clock = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_callers_deadline_reaches_the_method_and_cancels_its_token()
    {
        await using var host = await EchoHost.StartAsync(clock: _clock);
        var given = new TaskCompletionSource<DateTime>(TaskCreationOptions.RunContinuationsAsynchronously);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var deadline = _clock.GetUtcNow().UtcDateTime.AddMilliseconds(400);
        host.Script.Say = async (_, context) =>
        {
            context.CancellationToken.Register(() => cancelled.TrySetResult());
            given.SetResult(context.Deadline);
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new EchoResponse();
        };
        using var call = host.Client.SayAsync(new EchoRequest(), deadline: deadline, cancellationToken: Token);
        // What travels is the time that is left, in whole microseconds.
        Assert.InRange(deadline - await given.Task.WaitAsync(Patience, Token), TimeSpan.Zero, TimeSpan.FromMicroseconds(2));
        _clock.Advance(TimeSpan.FromMilliseconds(399));
        Assert.False(cancelled.Task.IsCompleted || call.ResponseAsync.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        var error = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal((StatusCode.DeadlineExceeded, RefusalReasons.DeadlineExceeded), (error.StatusCode, error.FindErrorInfo()!.Reason));
        await cancelled.Task.WaitAsync(Patience, Token);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task The_servers_default_answers_in_time_even_when_the_method_ignores_its_token_and_drops_what_comes_later()
    {
        await using var host = await EchoHost.StartAsync(server: options => options.DefaultTimeout = TimeSpan.FromMilliseconds(100));
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Script.Say = async (_, context) =>
        {
            await release.Task;
            context.ResponseTrailers.Add("x-late", "1");
            return new EchoResponse { Text = "late" };
        };
        // Sent by hand, without grpc-timeout, so that only the server's own timer can answer.
        using var http = RawGrpc.CreateClient();
        using var response = await http.SendAsync(RawGrpc.Request(host.Address, "/feedmall.tests.rpc.Echo/Say", [0, 0, 0, 0, 0]), Token).WaitAsync(Patience, Token);
        Assert.Equal("4", RawGrpc.StatusOf(response));
        Assert.Empty(await response.Content.ReadAsByteArrayAsync(Token));
        release.SetResult();
        host.Script.Say = (_, _) => Task.FromResult(new EchoResponse { Text = "next" });
        Assert.Equal("next", (await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token)).Text);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task A_caller_that_would_wait_longer_gets_no_more_than_the_servers_greatest_time()
    {
        await using var host = await EchoHost.StartAsync(server: options =>
            (options.DefaultTimeout, options.MaxTimeout) = (TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(200)), clock: _clock);
        var given = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Script.Say = async (_, context) =>
        {
            given.SetResult(context.Deadline - _clock.GetUtcNow().UtcDateTime);
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new EchoResponse();
        };
        using var call = host.Client.SayAsync(new EchoRequest(), deadline: _clock.GetUtcNow().UtcDateTime + Patience, cancellationToken: Token);
        // More than the default of callers that name none, less than what this one named.
        Assert.Equal(TimeSpan.FromMilliseconds(200), await given.Task.WaitAsync(Patience, Token));
        _clock.Advance(TimeSpan.FromMilliseconds(200));
        Assert.Equal(StatusCode.DeadlineExceeded, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task A_deadline_that_passes_in_the_middle_of_a_stream_ends_it_with_trailers()
    {
        await using var host = await EchoHost.StartAsync(server: options => options.DefaultStreamTimeout = TimeSpan.FromMilliseconds(200), clock: _clock);
        host.Script.Count = async (_, stream, _) =>
        {
            await stream.WriteAsync(new EchoResponse { Number = 1 });
            _clock.Advance(TimeSpan.FromMilliseconds(200));
            await new TaskCompletionSource().Task.WaitAsync(Patience, TimeProvider.System, Token).ContinueWith(_ => { }, TaskScheduler.Default);
        };
        using var http = RawGrpc.CreateClient();
        using var response = await http.SendAsync(RawGrpc.Request(host.Address, "/feedmall.tests.rpc.Echo/Count", [0, 0, 0, 0, 0]), HttpCompletionOption.ResponseHeadersRead, Token);
        Assert.Equal("0000000002" + "1001", Convert.ToHexStringLower(await response.Content.ReadAsByteArrayAsync(Token).WaitAsync(Patience / 2, Token)));
        Assert.Equal("4", RawGrpc.StatusOf(response));
    }

    [Theory]
    [InlineData("0m")]
    [InlineData("0n")]
    public async Task A_call_whose_time_is_up_on_arrival_is_not_run(string timeout)
    {
        await using var host = await EchoHost.StartAsync();
        var runs = 0;
        host.Script.Say = (_, _) => Task.FromResult(new EchoResponse { Number = Interlocked.Increment(ref runs) });
        using var http = RawGrpc.CreateClient();
        using var request = RawGrpc.Request(host.Address, "/feedmall.tests.rpc.Echo/Say", [0, 0, 0, 0, 0]);
        request.Headers.TryAddWithoutValidation("grpc-timeout", timeout);
        using var response = await http.SendAsync(request, Token);
        Assert.Equal("4", RawGrpc.StatusOf(response));
        Assert.Equal(0, runs);
    }

    [Fact]
    public async Task A_timeout_that_cannot_be_read_gets_the_default()
    {
        await using var host = await EchoHost.StartAsync(server: options => options.DefaultTimeout = TimeSpan.FromSeconds(3), clock: _clock);
        TimeSpan left = default;
        host.Script.Say = (_, context) =>
        {
            left = context.Deadline - _clock.GetUtcNow().UtcDateTime;
            return Task.FromResult(new EchoResponse());
        };
        using var http = RawGrpc.CreateClient();
        using var request = RawGrpc.Request(host.Address, "/feedmall.tests.rpc.Echo/Say", [0, 0, 0, 0, 0]);
        request.Headers.TryAddWithoutValidation("grpc-timeout", "1s");
        using var response = await http.SendAsync(request, Token);
        Assert.Equal("0", RawGrpc.StatusOf(response));
        Assert.Equal(TimeSpan.FromSeconds(3), left);
    }

    [Fact]
    public async Task A_call_with_too_little_time_is_not_sent()
    {
        // Nothing listens at this address: a call that was sent would fail with another status.
        await using var clients = EchoHost.CreateClients(new Uri(FreePort.NextUrl()));
        var client = (Echo.EchoClient)clients.GetService(typeof(Echo.EchoClient))!;
        var error = await Assert.ThrowsAsync<RpcException>(
            async () => await client.SayAsync(new EchoRequest(), deadline: DateTime.UtcNow.AddMilliseconds(3), cancellationToken: Token));
        Assert.Equal((StatusCode.DeadlineExceeded, RefusalReasons.DeadlineInsufficient), (error.StatusCode, error.FindErrorInfo()!.Reason));
    }

    [Fact]
    public async Task The_client_gives_up_at_its_deadline_even_when_the_server_never_answers()
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var peer = await PeerHost.StartAsync(async http =>
        {
            begun.SetResult();
            await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        }, clock: _clock);
        using var call = peer.Client.SayAsync(new EchoRequest(), deadline: _clock.GetUtcNow().UtcDateTime.AddMilliseconds(200), cancellationToken: Token);
        await begun.Task.WaitAsync(Patience, Token);
        _clock.Advance(TimeSpan.FromMilliseconds(199));
        Assert.False(call.ResponseAsync.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        var error = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal((StatusCode.DeadlineExceeded, RefusalReasons.DeadlineExceeded), (error.StatusCode, error.FindErrorInfo()!.Reason));
        await peer.Aborted.WaitAsync(Patience, Token);
    }

    [Fact]
    public async Task A_stream_that_nobody_reads_is_reset_at_its_deadline()
    {
        await using var peer = await PeerHost.StartAsync(async http =>
        {
            http.Response.ContentType = "application/grpc";
            await http.Response.Body.FlushAsync();
            await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        }, clock: _clock);
        using var call = peer.Client.Count(new EchoRequest(), deadline: _clock.GetUtcNow().UtcDateTime.AddSeconds(2), cancellationToken: Token);
        await call.ResponseHeadersAsync;
        _clock.Advance(TimeSpan.FromSeconds(2));
        await peer.Aborted.WaitAsync(Patience, Token);
        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Token));
        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
    }

    [Fact]
    public async Task A_cancelled_call_ends_as_cancelled_on_both_sides_and_is_no_error_in_the_log()
    {
        await using var host = await EchoHost.StartAsync();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Script.Say = async (_, context) =>
        {
            entered.SetResult();
            try
            {
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
            }
            finally
            {
                left.SetResult();
            }
            return new EchoResponse();
        };
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var call = host.Client.SayAsync(new EchoRequest(), cancellationToken: cancel.Token);
        await entered.Task.WaitAsync(Patience, Token);
        await cancel.CancelAsync();
        var error = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(StatusCode.Cancelled, error.StatusCode);
        await left.Task.WaitAsync(Patience, Token);
        Assert.Empty(host.Errors);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_ends_on_the_server_when_its_reader_disposes_or_gives_up(bool dispose)
    {
        await using var host = await EchoHost.StartAsync();
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Script.Count = async (_, stream, context) =>
        {
            context.CancellationToken.Register(() => left.TrySetResult());
            await stream.WriteAsync(new EchoResponse { Number = 1 });
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
        };
        using var call = host.Client.Count(new EchoRequest(), cancellationToken: Token);
        Assert.True(await call.ResponseStream.MoveNext(Token));
        using var giveUp = new CancellationTokenSource();
        var next = call.ResponseStream.MoveNext(giveUp.Token);
        if (dispose) call.Dispose();
        else await giveUp.CancelAsync();
        await left.Task.WaitAsync(Patience, Token);
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => next)).StatusCode);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task A_reader_that_does_not_read_holds_the_writer_back_until_the_deadline_resets_the_stream()
    {
        await using var host = await EchoHost.StartAsync(server: options => options.DefaultStreamTimeout = TimeSpan.FromMilliseconds(500), clock: _clock);
        long written = 0;
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var block = ByteString.CopyFrom(new byte[256 * 1024]);
        host.Script.Count = async (_, stream, _) =>
        {
            try
            {
                while (true)
                {
                    await stream.WriteAsync(new EchoResponse { Payload = block });
                    written += block.Length;
                }
            }
            finally
            {
                left.SetResult();
            }
        };
        using var http = RawGrpc.CreateClient();
        using var request = RawGrpc.Request(host.Address, "/feedmall.tests.rpc.Echo/Count", [0, 0, 0, 0, 0]);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
        _clock.Advance(TimeSpan.FromMilliseconds(500));
        // What the server gives the status to get past the messages.
        await _clock.WaitForTimerAsync(TimeSpan.FromMilliseconds(250)).WaitAsync(Patience, Token);
        _clock.Advance(TimeSpan.FromMilliseconds(250));
        await left.Task.WaitAsync(Patience, Token);
        // Loopback would have carried gigabytes; the windows of the connection hold far less.
        Assert.InRange(written, 0, 32L * 1024 * 1024);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => response.Content.ReadAsByteArrayAsync(Token));
        Assert.Empty(host.Errors);
    }
}
