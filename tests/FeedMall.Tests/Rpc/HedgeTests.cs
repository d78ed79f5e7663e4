using FeedMall.Resilience.Retry;
using FeedMall.Rpc.Client;
using FeedMall.Rpc.Errors;
using FeedMall.Testing;
using FeedMall.Tests.Rpc.Proto;
using Grpc.Core;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>A second server is asked when the first one takes long (ALGORITHMS §8): who answers, who is told to stop, and what it costs.</summary>
public sealed class HedgeTests
{
    private static readonly TimeSpan s_delay = TimeSpan.FromMilliseconds(70);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_slow_server_is_overtaken_and_told_to_stop()
    {
        var clock = new TestClock();
        var (begun, stopped) = (NewSource(), NewSource());
        await using var slow = await EchoHost.StartAsync();
        await using var fast = await EchoHost.StartAsync();
        slow.Script.Say = (_, context) => HangAsync(context, begun, stopped);
        await using var clients = Connect([slow, fast], clock);
        using var call = clients.Client.SayAsync(new EchoRequest { Text = "a" }, cancellationToken: Token);
        await begun.Task.WaitAsync(Token);
        await clock.WaitForTimerAsync(s_delay).WaitAsync(Token);
        clock.Advance(s_delay);
        Assert.Equal("a", (await call).Text);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        await stopped.Task.WaitAsync(Token);
        Assert.Equal([(1L, 0L), (1L, 0L)], clients.Channel.Snapshot().Select(one => (one.Picks, one.Failures)));
        Assert.Equal(1, clients.Channel.RetrySnapshot().Granted);
    }

    [Fact]
    public async Task An_answer_within_the_delay_asks_nobody_else()
    {
        var clock = new TestClock();
        await using var one = await EchoHost.StartAsync();
        await using var other = await EchoHost.StartAsync();
        await using var clients = Connect([one, other], clock);
        for (var i = 0; i < 10; i++) await clients.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        clock.Advance(s_delay);
        Assert.Equal([10L, 0L], clients.Channel.Snapshot().Select(node => node.Picks));
        Assert.Equal(0, clients.Channel.RetrySnapshot().Granted);
    }

    [Fact]
    public async Task What_is_not_idempotent_and_what_streams_is_never_sent_to_two()
    {
        var clock = new TestClock();
        var (begun, go) = (NewSource(), NewSource());
        await using var slow = await EchoHost.StartAsync();
        await using var fast = await EchoHost.StartAsync();
        slow.Script.Say = async (request, _) =>
        {
            begun.TrySetResult();
            await go.Task;
            return new EchoResponse { Text = request.Text };
        };
        await using var clients = Connect([slow, fast], clock, options => options.IdempotentMethods = new HashSet<string> { "/feedmall.tests.rpc.Echo/Chat" });
        using var call = clients.Client.SayAsync(new EchoRequest { Text = "a" }, cancellationToken: Token);
        using var chat = clients.Client.Chat(cancellationToken: Token);
        await chat.RequestStream.WriteAsync(new EchoRequest { Text = "b" }, Token);
        Assert.True(await chat.ResponseStream.MoveNext(Token));
        await begun.Task.WaitAsync(Token);
        clock.Advance(10 * s_delay);
        go.SetResult();
        await call;
        await chat.RequestStream.CompleteAsync();
        Assert.False(await chat.ResponseStream.MoveNext(Token));
        Assert.Equal([2L, 0L], clients.Channel.Snapshot().Select(node => node.Picks));
    }

    [Fact]
    public async Task Without_budget_the_first_server_is_waited_for()
    {
        var clock = new TestClock();
        var (begun, go) = (NewSource(), NewSource());
        await using var slow = await EchoHost.StartAsync();
        await using var fast = await EchoHost.StartAsync();
        slow.Script.Say = async (_, _) =>
        {
            begun.TrySetResult();
            await go.Task;
            return new EchoResponse { Text = "slow" };
        };
        await using var clients = Connect([slow, fast], clock, options =>
            options.Retry = options.Retry with { Budget = new WindowRetryBudgetOptions { MinRetriesPerSecond = 0 } });
        using var call = clients.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        await begun.Task.WaitAsync(Token);
        await clock.WaitForTimerAsync(s_delay).WaitAsync(Token);
        clock.Advance(s_delay);
        go.SetResult();
        Assert.Equal("slow", (await call).Text);
        Assert.Equal([1L, 0L], clients.Channel.Snapshot().Select(node => node.Picks));
        Assert.Equal((0, 1), (clients.Channel.RetrySnapshot().Granted, clients.Channel.RetrySnapshot().Refused));
    }

    [Fact]
    public async Task A_failure_that_may_pass_asks_the_next_server_at_once_and_all_failing_is_marked_as_given_up()
    {
        await using var leaf = await EchoHost.StartAsync();
        var calls = 0;
        leaf.Script.Say = (_, _) =>
        {
            Interlocked.Increment(ref calls);
            throw new ServiceException(StatusCode.Unavailable, "DOWN", "Down.");
        };
        await using var clients = Connect([leaf], new TestClock());
        await using var middle = await EchoHost.StartAsync();
        middle.Script.Say = async (request, _) => await clients.Client.SayAsync(request);
        var error = await Assert.ThrowsAsync<RpcException>(async () => await middle.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal((StatusCode.Unavailable, true), (error.StatusCode, error.SaysNoRetry()));
        Assert.Equal(3, calls);
    }

    [Theory]
    [InlineData("-1", 1)]
    [InlineData("50", 3)]
    public async Task A_pushback_holds_for_hedged_calls_too(string pushback, int sends)
    {
        var clock = new TestClock();
        await using var peer = await PeerHost.StartAsync(http =>
        {
            http.Response.ContentType = "application/grpc";
            http.Response.Headers["grpc-status"] = "14";
            http.Response.Headers["grpc-retry-pushback-ms"] = pushback;
            return Task.CompletedTask;
        }, Hedged, clock);
        using var call = peer.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        for (var i = 1; i < sends; i++)
        {
            await clock.WaitForTimerAsync(TimeSpan.FromMilliseconds(50)).WaitAsync(Token);
            clock.Advance(TimeSpan.FromMilliseconds(50));
        }
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        Assert.Equal(sends, peer.Calls.Count);
    }

    [Fact]
    public async Task An_address_where_nobody_listens_costs_no_budget()
    {
        await using var host = await EchoHost.StartAsync();
        await using var clients = Connect([host], new TestClock(), options =>
        {
            options.Addresses = [new Uri(FreePort.NextUrl()), host.Address];
            options.Retry = options.Retry with { Budget = new WindowRetryBudgetOptions { MinRetriesPerSecond = 0 } };
        });
        Assert.Equal("a", (await clients.Client.SayAsync(new EchoRequest { Text = "a" }, cancellationToken: Token)).Text);
        Assert.Equal(0, clients.Channel.RetrySnapshot().Granted);
    }

    [Fact]
    public async Task A_deadline_ends_all_attempts()
    {
        var clock = new TestClock();
        var hanging = new List<(TaskCompletionSource Begun, TaskCompletionSource Stopped)> { (NewSource(), NewSource()), (NewSource(), NewSource()) };
        await using var first = await EchoHost.StartAsync();
        await using var second = await EchoHost.StartAsync();
        first.Script.Say = (_, context) => HangAsync(context, hanging[0].Begun, hanging[0].Stopped);
        second.Script.Say = (_, context) => HangAsync(context, hanging[1].Begun, hanging[1].Stopped);
        await using var clients = Connect([first, second], clock, options => options.Retry = options.Retry with { MaxAttempts = 2 });
        using var call = clients.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        await hanging[0].Begun.Task.WaitAsync(Token);
        await clock.WaitForTimerAsync(s_delay).WaitAsync(Token);
        clock.Advance(s_delay);
        await hanging[1].Begun.Task.WaitAsync(Token);
        clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(StatusCode.DeadlineExceeded, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        await Task.WhenAll(hanging.Select(one => one.Stopped.Task)).WaitAsync(Token);
    }

    [Fact]
    public async Task Calls_that_ended_leave_nothing_on_the_callers_token()
    {
        using var source = new CancellationTokenSource();
        await using var host = await EchoHost.StartAsync();
        await using var clients = Connect([host], TimeProvider.System);
        var calls = new List<WeakReference>();
        for (var i = 0; i < 20; i++) calls.Add(await CallAsync(clients.Client, source.Token));
        // The last calls may still be on some thread's stack or in a pool.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Assert.True(calls.Count(call => call.IsAlive) < 10, "a long-lived token keeps the calls that were made with it");

        static async Task<WeakReference> CallAsync(Echo.EchoClient client, CancellationToken token)
        {
            var request = new EchoRequest { Text = "a" };
            await client.SayAsync(request, cancellationToken: token);
            // Every attempt holds the request.
            return new WeakReference(request);
        }
    }

    private static void Hedged(GrpcClientOptions options)
    {
        options.IdempotentMethods = new HashSet<string> { "/feedmall.tests.rpc.Echo/Say" };
        options.Retry = new RetryOptions { HedgingDelay = s_delay };
    }

    // The first host is the one that every call goes to, as long as it is not avoided.
    private static EchoCaller Connect(EchoHost[] hosts, TimeProvider clock, Action<GrpcClientOptions>? configure = null) =>
        new(EchoHost.CreateClients(hosts[0].Address, options =>
        {
            Hedged(options);
            options.Addresses = [.. hosts.Select(host => host.Address)];
            options.Balancing = BalancingPolicy.PickFirst;
            configure?.Invoke(options);
        }, clock));

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static async Task<EchoResponse> HangAsync(ServerCallContext context, TaskCompletionSource begun, TaskCompletionSource stopped)
    {
        context.CancellationToken.Register(() => stopped.TrySetResult());
        begun.TrySetResult();
        await Task.Delay(Timeout.Infinite, context.CancellationToken);
        return new EchoResponse();
    }
}
