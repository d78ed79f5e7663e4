using FeedMall.Rpc.Client;
using FeedMall.Tests.Rpc.Proto;
using Grpc.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>These tests have a second for the answer to a ping, so they run when nothing else does.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class KeepAliveCollection
{
    public const string Name = "KeepAlive";
}

/// <summary>A line that goes dead without a word is found by pings, on either side (spec §13.7).</summary>
[Collection(KeepAliveCollection.Name)]
public sealed class KeepAliveTests
{
    // A ping after 1 s of silence and 1 s for its answer, looked at once a second; the rest is for a machine that is busy.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(8);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_that_falls_silent_is_found_by_the_clients_pings_and_leaves_the_pick()
    {
        await using var host = await EchoHost.StartAsync();
        await using var spare = await EchoHost.StartAsync();
        using var proxy = new SilentProxy(host.Address);
        await using var caller = Connect(host, proxy.Address, spare.Address);
        var begun = HangIn(host);
        using var chat = caller.Client.Chat(cancellationToken: Token);
        await chat.RequestStream.WriteAsync(new EchoRequest { Text = "1" }, Token);
        Assert.True(await chat.ResponseStream.MoveNext(Token));
        var unary = caller.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        await begun.WaitAsync(Token);

        proxy.FallSilent();
        var silentAt = TimeProvider.System.GetTimestamp();
        var stream = await Assert.ThrowsAsync<RpcException>(() => chat.ResponseStream.MoveNext(Token));
        Assert.InRange(TimeProvider.System.GetElapsedTime(silentAt), TimeSpan.FromSeconds(1), s_limit);
        Assert.Equal(StatusCode.Unavailable, stream.StatusCode);
        // It may have been begun, and is not idempotent.
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(async () => await unary)).StatusCode);

        Assert.NotEqual(EndpointState.Ready, caller.State);
        Assert.Equal("b", (await caller.Client.SayAsync(new EchoRequest { Text = "b" }, cancellationToken: Token)).Text);
    }

    [Fact]
    public async Task An_idempotent_call_on_a_line_that_went_dead_is_answered_by_another_server()
    {
        await using var host = await EchoHost.StartAsync();
        await using var spare = await EchoHost.StartAsync();
        using var proxy = new SilentProxy(host.Address);
        await using var caller = Connect(host, proxy.Address, spare.Address, "/feedmall.tests.rpc.Echo/Say");
        var begun = HangIn(host);
        var call = caller.Client.SayAsync(new EchoRequest { Text = "a" }, cancellationToken: Token);
        await begun.WaitAsync(Token);
        proxy.FallSilent();
        Assert.Equal("a", (await call.ResponseAsync.WaitAsync(s_limit, Token)).Text);
    }

    [Fact]
    public async Task A_line_that_is_quiet_but_alive_is_not_closed_by_pings()
    {
        await using var host = await EchoHost.StartAsync();
        using var proxy = new SilentProxy(host.Address);
        // A ping that is not answered would close it before the call is.
        await using var caller = Connect(host, proxy.Address, host.Address, pingTimeout: TimeSpan.FromSeconds(2));
        host.Script.Say = async (request, context) =>
        {
            await Task.Delay(TimeSpan.FromSeconds(6), context.CancellationToken);
            return new EchoResponse { Text = request.Text };
        };
        Assert.Equal("slow", (await caller.Client.SayAsync(new EchoRequest { Text = "slow" }, cancellationToken: Token)).Text);
        Assert.Equal(EndpointState.Ready, caller.State);
    }

    [Fact]
    public async Task A_client_that_falls_silent_is_found_by_the_servers_pings_and_its_call_is_cancelled()
    {
        await using var host = await EchoHost.StartAsync(services: services => services.Configure<KestrelServerOptions>(kestrel =>
            (kestrel.Limits.Http2.KeepAlivePingDelay, kestrel.Limits.Http2.KeepAlivePingTimeout) = (TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1))));
        using var proxy = new SilentProxy(host.Address);
        await using var clients = EchoHost.CreateClients(proxy.Address);
        var (begun, cancelled) = (new TaskCompletionSource(), new TaskCompletionSource());
        host.Script.Say = async (_, context) =>
        {
            context.CancellationToken.Register(cancelled.SetResult);
            begun.SetResult();
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new EchoResponse();
        };
        using var call = clients.GetRequiredService<Echo.EchoClient>().SayAsync(new EchoRequest(), cancellationToken: Token);
        await begun.Task.WaitAsync(Token);
        proxy.FallSilent();
        await cancelled.Task.WaitAsync(s_limit, Token);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task The_options_of_the_pings_reach_the_connection_and_too_frequent_ones_are_refused()
    {
        SocketsHttpHandler? made = null;
        await using var host = await EchoHost.StartAsync(client: options =>
        {
            (options.KeepAlivePingDelay, options.KeepAlivePingTimeout, options.KeepAlivePingWithoutCalls) = (TimeSpan.FromSeconds(11), TimeSpan.FromSeconds(3), true);
            options.ConfigureHandler = handler => made = handler;
        });
        await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token);
        Assert.Equal((TimeSpan.FromSeconds(11), TimeSpan.FromSeconds(3), HttpKeepAlivePingPolicy.Always),
            (made!.KeepAlivePingDelay, made.KeepAlivePingTimeout, made.KeepAlivePingPolicy));
        await using var hasty = EchoHost.CreateClients(host.Address, options => options.KeepAlivePingDelay = TimeSpan.FromSeconds(9));
        Assert.Throws<ArgumentException>(hasty.GetRequiredService<Echo.EchoClient>);
    }

    private static Task HangIn(EchoHost host)
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Script.Say = async (_, context) =>
        {
            begun.TrySetResult();
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new EchoResponse();
        };
        return begun.Task;
    }

    // Shorter than the options allow: they protect servers of others.
    private static EchoCaller Connect(EchoHost host, Uri first, Uri second, string? idempotent = null, TimeSpan? pingTimeout = null) =>
        new(EchoHost.CreateClients(host.Address, options =>
        {
            (options.Addresses, options.Balancing, options.IdempotentMethods) = ([first, second], BalancingPolicy.PickFirst, new HashSet<string>(idempotent is null ? [] : [idempotent]));
            options.ConfigureHandler = handler =>
                (handler.KeepAlivePingDelay, handler.KeepAlivePingTimeout) = (TimeSpan.FromSeconds(1), pingTimeout ?? TimeSpan.FromSeconds(1));
        }));
}
