using FeedMall.Tests.Rpc.Proto;
using Grpc.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>Metadata that is too large ends its own call, and no other one of the connection (spec §13.6).</summary>
public sealed class MetadataLimitTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("x-a", 40_000)]
    [InlineData("x-a", 16_000)]
    [InlineData("x-a-bin", 12_000)]
    public async Task Request_metadata_over_the_limit_is_refused_here_and_the_other_calls_go_on(string key, int bytes)
    {
        await using var host = await EchoHost.StartAsync();
        await using var caller = Caller(host, out var network);
        await AssertHarmlessAsync(host, caller.Client, network, async () => await caller.Client.SayAsync(new EchoRequest(), Of(key, bytes), cancellationToken: Token));
    }

    [Fact]
    public async Task Request_metadata_of_exactly_the_limit_is_sent()
    {
        await using var host = await EchoHost.StartAsync(services: services => services.Configure<KestrelServerOptions>(kestrel => kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024));
        await using var caller = Caller(host, out _);
        var largest = new string('a', 15 * 1024 - 32 - 3);
        host.Script.Say = (_, context) => Task.FromResult(new EchoResponse { Number = context.RequestHeaders.GetValue("x-a")!.Length });
        Assert.Equal(largest.Length, (await caller.Client.SayAsync(new EchoRequest(), new Metadata { { "x-a", largest } }, cancellationToken: Token)).Number);
        var error = await Assert.ThrowsAsync<RpcException>(async () => await caller.Client.SayAsync(new EchoRequest(), new Metadata { { "x-a", largest + "a" } }, cancellationToken: Token));
        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Response_metadata_over_the_limit_ends_its_call_and_the_other_calls_go_on(bool inHeaders)
    {
        await using var host = await EchoHost.StartAsync();
        await using var caller = Caller(host, out var network);
        async Task<EchoResponse> AnswerAsync(ServerCallContext context)
        {
            if (inHeaders) await context.WriteResponseHeadersAsync(Of("x-a", 40_000));
            else context.ResponseTrailers.Add("x-a", new string('a', 40_000));
            return new EchoResponse();
        }
        host.Script.Say = (_, context) => AnswerAsync(context);
        host.Script.Count = async (_, responses, context) => await responses.WriteAsync(await AnswerAsync(context));
        await AssertHarmlessAsync(host, caller.Client, network, async () => await caller.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        await AssertHarmlessAsync(host, caller.Client, network, async () =>
        {
            using var count = caller.Client.Count(new EchoRequest(), cancellationToken: Token);
            while (await count.ResponseStream.MoveNext(Token)) { }
        });
    }

    // With a stream open on the one connection, which must still be the only one afterwards.
    private static async Task AssertHarmlessAsync(EchoHost host, Echo.EchoClient client, Network network, Func<Task> call)
    {
        using var chat = client.Chat(cancellationToken: Token);
        await chat.RequestStream.WriteAsync(new EchoRequest { Text = "1" }, Token);
        Assert.True(await chat.ResponseStream.MoveNext(Token));
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(call)).StatusCode);
        await chat.RequestStream.WriteAsync(new EchoRequest { Text = "2" }, Token);
        Assert.True(await chat.ResponseStream.MoveNext(Token));
        Assert.Equal("2", chat.ResponseStream.Current.Text);
        Assert.Equal(1, network.Tried);
        Assert.Empty(host.Errors);
    }

    private static Metadata Of(string key, int bytes) =>
        key.EndsWith("-bin", StringComparison.Ordinal) ? new Metadata { { key, new byte[bytes] } } : new Metadata { { key, new string('a', bytes) } };

    private static EchoCaller Caller(EchoHost host, out Network network)
    {
        var made = network = new Network();
        return new EchoCaller(EchoHost.CreateClients(host.Address, options => options.Connect = made.ConnectAsync));
    }
}
