using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>What clients may hold all together, and what becomes of them when the server is disposed of.</summary>
public sealed class ClientBufferTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Over_the_limit_of_all_buffers_the_client_with_the_largest_is_closed_and_the_others_stay()
    {
        await using var host = await KvHost.StartAsync("--Kv:MaxClientsBytes=2000000");
        using var small = await RespConnection.OpenAsync(host.Port, Cancel);
        using var large = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.Equal("+PONG⏎", await small.AskAsync(["PING"], Cancel));
        // Below the limit, and whole later on.
        await small.SendRawAsync("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$300000\r\n" + new string('x', 200_000), Cancel);
        await large.SendRawAsync("*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$4000000\r\n" + new string('x', 3_000_000), Cancel);
        Assert.Equal(RespConnection.Closed, await large.ReadAsync(Cancel));
        await small.SendRawAsync(new string('x', 100_000) + "\r\n", Cancel);
        Assert.Equal("+OK⏎", await small.ReadAsync(Cancel));
        Assert.Contains("evicted_clients:1", await small.AskAsync(["INFO", "stats"], Cancel), StringComparison.Ordinal);

        Assert.Equal("+OK⏎", await small.AskAsync(["CONFIG", "SET", "maxmemory-clients", "0"], Cancel));
        using var again = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.Equal("+OK⏎", await again.AskAsync(["SET", "b", new string('x', 4_000_000)], Cancel));
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_server_that_is_disposed_of_without_being_stopped_closes_its_clients()
    {
        var host = await KvHost.StartAsync();
        using var client = await RespConnection.OpenAsync(host.Port, Cancel);
        using var subscriber = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.Equal("+PONG⏎", await client.AskAsync(["PING"], Cancel));
        Assert.StartsWith("*3⏎", await subscriber.AskAsync(["SUBSCRIBE", "news"], Cancel), StringComparison.Ordinal);
        await host.DisposeAsync();
        Assert.Equal(RespConnection.Closed, await client.ReadAsync(Cancel));
        Assert.Equal(RespConnection.Closed, await subscriber.ReadAsync(Cancel));
    }
}
