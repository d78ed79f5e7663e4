using FeedMall.Resilience.Retry;
using FeedMall.Rpc.Client;
using FeedMall.Rpc.Errors;
using FeedMall.Testing;
using FeedMall.Tests.Rpc.Proto;
using Grpc.Core;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>The addresses of a channel: when they are in the pick, when they come back, and what becomes of them when the list changes.</summary>
public sealed class EndpointTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Fact]
    public async Task An_address_that_cannot_be_reached_is_tried_after_growing_waits_and_comes_back()
    {
        var clock = new TestClock();
        await using var host = await EchoHost.StartAsync();
        var network = new Network { IsUp = false };
        await using var caller = Connect(clock, network, host);
        Assert.Equal(EndpointState.Ready, caller.State);
        Assert.Equal((StatusCode.Unavailable, Reasons.NoEndpoint), await caller.FailAsync());
        // Task.Delay counts whole milliseconds.
        foreach (var wait in new[] { 1, 1.6, 2.56, 4.096, 6.553, 10, 10 })
        {
            await clock.WaitForTimerAsync(Seconds(wait)).WaitAsync(Token);
            Assert.Equal(EndpointState.Waiting, caller.State);
            Assert.Equal((StatusCode.Unavailable, Reasons.NoEndpoint), await caller.FailAsync());
            clock.Advance(Seconds(wait));
        }
        await clock.WaitForTimerAsync(Seconds(10)).WaitAsync(Token);
        network.IsUp = true;
        var waiting = caller.Client.SayAsync(new EchoRequest { Text = "a" }, new CallOptions(cancellationToken: Token).WithWaitForReady());
        clock.Advance(Seconds(10));
        Assert.Equal("a", (await waiting).Text);
        Assert.Equal(EndpointState.Ready, caller.State);

        network.Break();
        await caller.FailAsync();
        // An answered call has set the waits back.
        await clock.WaitForTimerAsync(Seconds(1)).WaitAsync(Token);
    }

    [Fact]
    public async Task Calls_to_an_address_that_waits_fail_without_being_sent_and_do_not_shorten_the_wait()
    {
        var clock = new TestClock();
        await using var host = await EchoHost.StartAsync();
        var network = new Network { IsUp = false };
        await using var caller = Connect(clock, network, host);
        await caller.FailAsync();
        var tried = network.Tried;
        for (var i = 0; i < 20; i++) Assert.Equal((StatusCode.Unavailable, Reasons.NoEndpoint), await caller.FailAsync());
        Assert.Equal(tried, network.Tried);
    }

    [Fact]
    public async Task A_call_waits_while_a_connection_is_being_made_again_and_is_then_sent()
    {
        await using var host = await EchoHost.StartAsync();
        var network = new Network();
        await using var caller = Connect(TimeProvider.System, network, host);
        await caller.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        var (begun, reconnect) = (new TaskCompletionSource(), new TaskCompletionSource());
        host.Script.Say = async (_, context) =>
        {
            begun.TrySetResult();
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new EchoResponse();
        };
        var lost = caller.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        await begun.Task.WaitAsync(Token);
        network.Hold = reconnect.Task;
        network.Cut();
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(async () => await lost)).StatusCode);
        Assert.Equal(EndpointState.Connecting, caller.State);
        host.Script.Say = (request, _) => Task.FromResult(new EchoResponse { Text = request.Text });
        var next = caller.Client.SayAsync(new EchoRequest { Text = "b" }, cancellationToken: Token);
        reconnect.SetResult();
        Assert.Equal("b", (await next).Text);
        Assert.Equal(EndpointState.Ready, caller.State);
    }

    [Fact]
    public async Task A_call_that_waits_for_an_address_ends_at_its_deadline()
    {
        var clock = new TestClock();
        await using var host = await EchoHost.StartAsync();
        await using var caller = Connect(clock, new Network { IsUp = false }, host);
        await caller.FailAsync();
        var call = caller.Client.SayAsync(new EchoRequest(), new CallOptions(deadline: clock.GetUtcNow().UtcDateTime + Seconds(0.5)).WithWaitForReady());
        await clock.WaitForTimerAsync(Seconds(0.5)).WaitAsync(Token);
        clock.Advance(Seconds(0.5));
        Assert.Equal(StatusCode.DeadlineExceeded, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
    }

    [Fact]
    public async Task Calls_wait_for_the_first_list_and_fail_at_once_when_it_is_empty()
    {
        await using var host = await EchoHost.StartAsync();
        var list = new ListedAddresses();
        await using var caller = Connect(TimeProvider.System, new Network(), host, options => options.Resolver = list);
        var first = caller.Client.SayAsync(new EchoRequest { Text = "a" }, cancellationToken: Token);
        Assert.False(first.ResponseAsync.IsCompleted);
        await list.SetAsync(new ResolvedAddress(host.Address));
        Assert.Equal("a", (await first).Text);
        await list.SetAsync();
        Assert.Equal((StatusCode.Unavailable, Reasons.NoEndpoint), await caller.FailAsync());
        Assert.Empty(caller.Channel.Snapshot());
    }

    [Fact]
    public async Task An_address_that_left_finishes_its_calls_and_then_closes_its_connections()
    {
        await using var first = await EchoHost.StartAsync();
        await using var second = await EchoHost.StartAsync();
        var list = new ListedAddresses();
        var network = new Network();
        await using var caller = Connect(TimeProvider.System, network, first, options => options.Resolver = list);
        await list.SetAsync(new ResolvedAddress(first.Address));
        var (begun, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        first.Script.Say = async (request, _) =>
        {
            begun.SetResult();
            await go.Task;
            return new EchoResponse { Text = request.Text };
        };
        using var chat = caller.Client.Chat(cancellationToken: Token);
        await chat.RequestStream.WriteAsync(new EchoRequest { Text = "1" }, Token);
        Assert.True(await chat.ResponseStream.MoveNext(Token));
        var running = caller.Client.SayAsync(new EchoRequest { Text = "old" }, cancellationToken: Token);
        await begun.Task.WaitAsync(Token);

        await list.SetAsync(new ResolvedAddress(second.Address));
        Assert.Equal("new", (await caller.Client.SayAsync(new EchoRequest { Text = "new" }, cancellationToken: Token)).Text);
        go.SetResult();
        Assert.Equal("old", (await running).Text);
        await chat.RequestStream.WriteAsync(new EchoRequest { Text = "2" }, Token);
        Assert.True(await chat.ResponseStream.MoveNext(Token));
        Assert.Equal("2", chat.ResponseStream.Current.Text);
        await chat.RequestStream.CompleteAsync();
        Assert.False(await chat.ResponseStream.MoveNext(Token));
        await network.ClosedAsync(first.Address).WaitAsync(Token);
        Assert.Equal([second.Address.GetLeftPart(UriPartial.Authority)], caller.Channel.Snapshot().Select(one => one.Address));
    }

    [Fact]
    public async Task No_call_fails_while_addresses_come_and_go_under_load()
    {
        await using var first = await EchoHost.StartAsync();
        await using var second = await EchoHost.StartAsync();
        var list = new ListedAddresses();
        await using var caller = Connect(TimeProvider.System, new Network(), first, options => options.Resolver = list);
        await list.SetAsync(new ResolvedAddress(first.Address));
        using var enough = new CancellationTokenSource();
        var callers = Enumerable.Range(0, 8).Select(async _ =>
        {
            var calls = 0;
            for (; !enough.IsCancellationRequested; calls++) await caller.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
            return calls;
        }).ToList();
        for (var i = 0; i < 200; i++)
        {
            await list.SetAsync(new ResolvedAddress(second.Address));
            await list.SetAsync(new ResolvedAddress(first.Address), new ResolvedAddress(second.Address, Weight: i % 3));
            await caller.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
            await list.SetAsync(new ResolvedAddress(first.Address));
        }
        await enough.CancelAsync();
        Assert.All(await Task.WhenAll(callers), calls => Assert.True(calls > 0));
    }

    [Fact]
    public async Task A_new_weight_keeps_the_connections_and_the_record()
    {
        await using var host = await EchoHost.StartAsync();
        var list = new ListedAddresses();
        var network = new Network();
        await using var caller = Connect(TimeProvider.System, network, host, options => options.Resolver = list);
        for (var weight = 1; weight <= 5; weight++)
        {
            await list.SetAsync(new ResolvedAddress(host.Address, Weight: weight));
            await caller.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        }
        Assert.Equal(1, network.Tried);
        Assert.Equal(5, Assert.Single(caller.Channel.Snapshot()).Picks);
    }

    [Fact]
    public async Task Weight_0_is_called_only_while_nothing_else_can_be_reached()
    {
        await using var main = await EchoHost.StartAsync();
        await using var spare = await EchoHost.StartAsync();
        main.Script.Say = (_, _) => Task.FromResult(new EchoResponse { Text = "main" });
        spare.Script.Say = (_, _) => Task.FromResult(new EchoResponse { Text = "spare" });
        var list = new ListedAddresses();
        await using var caller = Connect(TimeProvider.System, new Network(), main, options => options.Resolver = list);
        await list.SetAsync(new ResolvedAddress(spare.Address, Weight: 0), new ResolvedAddress(main.Address));
        for (var i = 0; i < 20; i++) Assert.Equal("main", (await caller.Client.SayAsync(new EchoRequest(), cancellationToken: Token)).Text);
        await main.StopAsync();
        for (var i = 0; i < 5; i++) Assert.Equal("spare", (await caller.Client.SayAsync(new EchoRequest(), cancellationToken: Token)).Text);
    }

    [Fact]
    public async Task A_client_uses_its_share_of_many_addresses_and_always_the_same_one()
    {
        await using var host = await EchoHost.StartAsync();
        Uri[] addresses = [.. Enumerable.Range(1, 50).Select(i => new Uri($"http://10.0.0.{i}:80"))];
        async Task<List<string>> ChosenAsync(string id)
        {
            await using var caller = Connect(TimeProvider.System, new Network(), host, options => (options.Addresses, options.SubsetSize, options.ClientId) = (addresses, 5, id));
            return [.. caller.Channel.Snapshot().Select(one => one.Address)];
        }
        var (one, again, other) = (await ChosenAsync("one"), await ChosenAsync("one"), await ChosenAsync("other"));
        Assert.Equal(5, one.Distinct().Count());
        Assert.Equal(one, again);
        Assert.NotEqual(one, other);
    }

    [Theory]
    [InlineData(BalancingPolicy.Ewma, 0.2, 0.5)]
    [InlineData(BalancingPolicy.LeastInFlight, 0.2, 0.5)]
    [InlineData(BalancingPolicy.WeightedRoundRobin, 1 / 3.0, 1 / 3.0)]
    public async Task Calls_are_spread_over_three_servers(BalancingPolicy policy, double least, double most)
    {
        const int Calls = 600;
        await using var a = await EchoHost.StartAsync();
        await using var b = await EchoHost.StartAsync();
        await using var c = await EchoHost.StartAsync();
        var counts = new int[3];
        foreach (var (host, i) in new[] { (a, 0), (b, 1), (c, 2) })
        {
            host.Script.Say = async (_, _) =>
            {
                Interlocked.Increment(ref counts[i]);
                await Task.Delay(5, Token);
                return new EchoResponse();
            };
        }
        await using var caller = Connect(TimeProvider.System, new Network(), a, options =>
            (options.Addresses, options.Balancing) = ([a.Address, b.Address, c.Address], policy));
        // The first answers are slow for everybody, by chance for one more than for another, and the policies hold it against them for a while.
        await CallAsync();
        Array.Clear(counts);
        await CallAsync();
        Assert.All(counts, count => Assert.InRange(count / (double)Calls, least, most));

        Task CallAsync() => Parallel.ForAsync(0, Calls, new ParallelOptions { MaxDegreeOfParallelism = 12, CancellationToken = Token }, async (_, cancel) =>
            await caller.Client.SayAsync(new EchoRequest(), cancellationToken: cancel));
    }

    [Fact]
    public async Task Pick_first_stays_with_one_server_and_moves_on_when_it_is_gone()
    {
        await using var a = await EchoHost.StartAsync();
        await using var b = await EchoHost.StartAsync();
        await using var caller = Connect(TimeProvider.System, new Network(), a, options =>
            (options.Addresses, options.Balancing) = ([a.Address, b.Address], BalancingPolicy.PickFirst));
        for (var i = 0; i < 10; i++) await caller.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        Assert.Equal([10L, 0L], caller.Channel.Snapshot().Select(one => one.Picks));
        await a.StopAsync();
        for (var i = 0; i < 10; i++) await caller.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        Assert.Equal(10, caller.Channel.Snapshot()[1].Picks);
    }

    private static EchoCaller Connect(TimeProvider clock, Network network, EchoHost host, Action<GrpcClientOptions>? configure = null) =>
        new(EchoHost.CreateClients(host.Address, options =>
        {
            options.DefaultTimeout = TimeSpan.FromMinutes(10);
            options.Reconnect = new ConnectionBackoffOptions { Max = Seconds(10), Jitter = 0 };
            options.Connect = network.ConnectAsync;
            configure?.Invoke(options);
        }, clock));
}
