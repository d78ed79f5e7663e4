using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>Limits, passwords, hostile bytes, stopping, and time that passes.</summary>
public sealed class RobustnessTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_thousand_inline_commands_in_one_piece_are_all_answered_though_they_are_more_than_one_batch()
    {
        await using var host = await KvHost.StartAsync();
        using var client = await RespConnection.OpenAsync(host.Port, Cancel);
        await client.SendRawAsync(string.Concat(Enumerable.Range(0, 1000).Select(i => FormattableString.Invariant($"ECHO {i:000}\r\n"))), Cancel);
        for (var i = 0; i < 1000; i++) Assert.Equal(FormattableString.Invariant($"$3⏎{i:000}⏎"), await client.ReadAsync(Cancel));
    }

    [Fact]
    public async Task Web_pages_are_closed_and_told_of_once_in_a_while_however_many_come()
    {
        await using var host = await KvHost.StartAsync();
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < 50; i++)
        {
            using var page = await RespConnection.OpenAsync(host.Port, Cancel);
            await page.SendRawAsync("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", Cancel);
            Assert.Equal(RespConnection.Closed, await page.ReadAsync(Cancel));
        }
        var lines = host.Logs.Entries.Where(entry => entry.Message.Contains("it speaks HTTP, and this port speaks RESP", StringComparison.Ordinal)).ToList();
        Assert.InRange(lines.Count, 1, 1 + (int)(Stopwatch.GetElapsedTime(began).TotalSeconds / 10));
        Assert.Contains("0 more since this was last said", lines[0].Message, StringComparison.Ordinal);
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_stranger_gets_nothing_until_the_password_is_right()
    {
        await using var host = await KvHost.StartAsync("--Kv:Password=secret");
        using var stranger = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.Equal("-NOAUTH Authentication required.⏎", await stranger.AskAsync(["GET", "a"], Cancel));
        Assert.Equal("-NOAUTH Authentication required.⏎", await stranger.AskAsync(["PING"], Cancel));
        Assert.StartsWith("-NOAUTH HELLO must be called", await stranger.AskAsync(["HELLO", "3"], Cancel), StringComparison.Ordinal);
        Assert.Equal("-WRONGPASS invalid username-password pair or user is disabled.⏎", await stranger.AskAsync(["AUTH", "guess"], Cancel));
        Assert.Equal("-WRONGPASS invalid username-password pair or user is disabled.⏎", await stranger.AskAsync(["AUTH", "root", "secret"], Cancel));
        Assert.Equal("+OK⏎", await stranger.AskAsync(["AUTH", "secret"], Cancel));
        Assert.Equal("+PONG⏎", await stranger.AskAsync(["PING"], Cancel));
        using var other = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.StartsWith("%7⏎", await other.AskAsync(["HELLO", "3", "AUTH", "default", "secret"], Cancel), StringComparison.Ordinal);
        using var large = await RespConnection.OpenAsync(host.Port, Cancel);
        await large.SendRawAsync("*1\r\n$16385\r\n", Cancel);
        Assert.Equal("-ERR Protocol error: unauthenticated bulk length⏎", await large.ReadAsync(Cancel));
        Assert.Equal(RespConnection.Closed, await large.ReadAsync(Cancel));
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task One_client_too_many_is_told_so()
    {
        await using var host = await KvHost.StartAsync("--Kv:MaxClients=2");
        using var first = await RespConnection.OpenAsync(host.Port, Cancel);
        using var second = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.Equal("+PONG⏎", await first.AskAsync(["PING"], Cancel));
        Assert.Equal("+PONG⏎", await second.AskAsync(["PING"], Cancel));
        using (var third = await RespConnection.OpenAsync(host.Port, Cancel))
        {
            Assert.Equal("-ERR max number of clients reached⏎", await third.ReadAsync(Cancel));
            Assert.Equal(RespConnection.Closed, await third.ReadAsync(Cancel));
        }
        Assert.Equal("+OK⏎", await second.AskAsync(["QUIT"], Cancel));
        Assert.Equal(RespConnection.Closed, await second.ReadAsync(Cancel));
        using var fourth = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.Equal("+PONG⏎", await fourth.AskAsync(["PING"], Cancel));
    }

    [Fact]
    public async Task A_silent_client_is_closed_and_a_busy_one_stays()
    {
        await using var host = await KvHost.StartAsync("--Kv:IdleTimeout=00:00:03");
        using var silent = await RespConnection.OpenAsync(host.Port, Cancel);
        using var busy = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.Equal("+PONG⏎", await silent.AskAsync(["PING"], Cancel));
        var closed = silent.ReadAsync(Cancel);
        while (!closed.IsCompleted) Assert.Equal("+PONG⏎", await busy.AskAsync(["PING"], Cancel));
        Assert.Equal(RespConnection.Closed, await closed);
        Assert.Equal("+PONG⏎", await busy.AskAsync(["PING"], Cancel));
    }

    [Fact]
    public async Task A_client_that_does_not_take_its_replies_is_closed_after_the_send_timeout()
    {
        await using var host = await KvHost.StartAsync("--Kv:SendTimeout=00:00:01");
        using var stuck = await RespConnection.OpenAsync(host.Port, Cancel);
        using var other = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.Equal("+OK⏎", await other.AskAsync(["SET", "large", new string('x', 4_000_000)], Cancel));
        // More than the system's buffers hold, so the server's send cannot end.
        for (var i = 0; i < 20; i++) await stuck.SendAsync(["GET", "large"], Cancel);
        await TlsTests.UntilAsync(async () => (await other.AskAsync(["INFO", "clients"], Cancel)).Contains("connected_clients:1⏎", StringComparison.Ordinal));
        Assert.Equal("+PONG⏎", await other.AskAsync(["PING"], Cancel));
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_client_that_goes_in_the_middle_of_its_answer_does_not_disturb_the_stop()
    {
        await using var host = await KvHost.StartAsync();
        using (var writer = await RespConnection.OpenAsync(host.Port, Cancel)) Assert.Equal("+OK⏎", await writer.AskAsync(["SET", "large", new string('x', 20_000_000)], Cancel));
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, host.Port, Cancel);
        await client.GetStream().WriteAsync("GET large\r\n"u8.ToArray(), Cancel);
        await client.GetStream().ReadExactlyAsync(new byte[1], Cancel);
        var stopping = host.StopAsync(Cancel);
        client.Close();
        await stopping;
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Replies_that_nobody_could_take_end_the_connection_and_no_other()
    {
        await using var host = await KvHost.StartAsync("--Kv:MaxReplyBytes=65536");
        using var greedy = await RespConnection.OpenAsync(host.Port, Cancel);
        using var modest = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.Equal("+OK⏎", await greedy.AskAsync(["SET", "a", new string('x', 60_000)], Cancel));
        await greedy.SendAsync(["MGET", "a", "a"], Cancel);
        Assert.Equal(RespConnection.Closed, await greedy.ReadAsync(Cancel));
        Assert.Equal("+PONG⏎", await modest.AskAsync(["PING"], Cancel));
        Assert.Contains(host.Logs.Entries, entry => entry.Message.Contains("bytes of replies wait", StringComparison.Ordinal));
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Large_values_come_back_whole_whatever_their_size()
    {
        await using var host = await KvHost.StartAsync();
        using var connection = await RespConnection.OpenAsync(host.Port, Cancel);
        foreach (var size in new[] { 0, 1, 44, 4_095, 16_384, 65_500, 65_536, 1_000_000, 20_000_000 })
        {
            var value = new string((char)('a' + size % 26), size);
            Assert.Equal("+OK⏎", await connection.AskAsync(["SET", "large", value], Cancel));
            Assert.True($"${size}⏎{value}⏎" == await connection.AskAsync(["GET", "large"], Cancel), $"{size} bytes");
        }
    }

    [Fact]
    public async Task Entries_with_one_expiry_go_together_and_others_hardly_notice()
    {
        const int Entries = 100_000;
        // A process of its own: beside it other tests begin threads.
        using var folder = new TemporaryFolder();
        var port = FreePort.Next();
        await using var server = ServiceProcess.Start("KvStore", folder.Path, FormattableString.Invariant($"--Kv:Port={port}"), "--Kv:GovernorUrl=");
        await server.WaitForLineAsync("listens on", Cancel);
        using var process = Process.GetProcessById(server.ProcessId);
        using var writer = new TcpClient();
        await writer.ConnectAsync(IPAddress.Loopback, port, Cancel);
        // Once without an expiry, to see how long this machine takes; then none is due before all are there.
        var began = Stopwatch.GetTimestamp();
        await SetAllAsync();
        var expireAt = DateTimeOffset.UtcNow.AddSeconds(1) + 4 * Stopwatch.GetElapsedTime(began);
        await SetAllAsync("PXAT", expireAt.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture));
        using var other = await RespConnection.OpenAsync(port, Cancel);
        Assert.Equal($":{Entries}⏎", await other.AskAsync(["DBSIZE"], Cancel));
        var threads = process.Threads.Count;
        var left = "";
        while (DateTimeOffset.UtcNow < expireAt.AddSeconds(20) && left != ":0⏎") left = await other.AskAsync(["DBSIZE"], Cancel);
        Assert.Equal(":0⏎", left);
        process.Refresh();
        Assert.InRange(process.Threads.Count, 0, threads + 20);
        Assert.DoesNotContain("\"lv\":\"error\"", server.Output, StringComparison.Ordinal);

        async Task SetAllAsync(params string[] expiry)
        {
            var reading = ReadBytesAsync(writer, Entries * 5);
            for (var i = 0; i < Entries; i += 1_000)
            {
                var text = string.Concat(Enumerable.Range(i, 1_000).Select(n => RespConnection.Encode(["SET", $"key:{n}", "value", .. expiry])));
                await writer.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text), Cancel);
            }
            await reading;
        }
    }

    [Fact]
    public async Task Hostile_bytes_end_their_own_connection_at_most()
    {
        await using var host = await KvHost.StartAsync();
        using var witness = await RespConnection.OpenAsync(host.Port, Cancel);
        var chance = new Random(11);
        string[] seeds = ["*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n", "*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "SET a \"b\\x41\"\r\n", "*4\r\n$4\r\nSCAN\r\n$1\r\n0\r\n$5\r\nCOUNT\r\n$2\r\n10\r\n",
            "*1\r\n$2147483647\r\n", "*1048576\r\n", "*-5\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "*3\r\n$8\r\nSETRANGE\r\n$1\r\na\r\n$9\r\n999999999\r\n", "*2\r\n$4\r\nINCR\r\n$1\r\na\r\n", "*3\r\n$6\r\nEXPIRE\r\n$1\r\na\r\n$19\r\n9223372036854775807\r\n"];
        for (var round = 0; round < 400; round++)
        {
            using var attacker = new TcpClient();
            await attacker.ConnectAsync(IPAddress.Loopback, host.Port, Cancel);
            var bytes = Encoding.Latin1.GetBytes(string.Concat(Enumerable.Range(0, 20).Select(_ => seeds[chance.Next(seeds.Length)])));
            for (var change = chance.Next(12); change > 0; change--) bytes[chance.Next(bytes.Length)] = (byte)chance.Next(256);
            await attacker.GetStream().WriteAsync(bytes.AsMemory(0, chance.Next(bytes.Length)), Cancel);
            if (round % 20 == 0) Assert.Equal("+PONG⏎", await witness.AskAsync(["PING"], Cancel));
        }
        Assert.Equal("+PONG⏎", await witness.AskAsync(["PING"], Cancel));
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Stopping_answers_what_was_sent_and_closes()
    {
        await using var host = await KvHost.StartAsync();
        using var connection = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.Equal("+OK⏎", await connection.AskAsync(["SET", "a", "1"], Cancel));
        await host.StopAsync(Cancel);
        Assert.Equal(RespConnection.Closed, await connection.ReadAsync(Cancel));
        host.Logs.AssertNoErrors();
    }

    [Theory]
    [InlineData("allkeys-lru", "")]
    [InlineData("allkeys-lfu", "")]
    [InlineData("allkeys-random", "")]
    [InlineData("volatile-ttl", "EX 1000")]
    [InlineData("volatile-lru", "EX 1000")]
    public async Task A_full_memory_evicts_and_stays_below_its_limit(string policy, string expiry)
    {
        await using var host = await KvHost.StartAsync("--Kv:MaxMemoryBytes=2000000", $"--Kv:EvictionPolicy={policy}");
        using var connection = await RespConnection.OpenAsync(host.Port, Cancel);
        for (var i = 0; i < 10_000; i++)
        {
            string[] words = ["SET", $"key:{i}", new string('x', 400), .. RespStep.Words(expiry)];
            Assert.Equal("+OK⏎", await connection.AskAsync(words, Cancel));
        }
        var info = await connection.AskAsync(["INFO"], Cancel);
        Assert.InRange(Field(info, "used_memory_dataset"), 1_000_000, 2_010_000);
        Assert.InRange(Field(info, "evicted_keys"), 5_000, 9_999);
    }

    private static long Field(string info, string name) =>
        long.Parse(info.Split('⏎').Single(line => line.StartsWith(name + ":", StringComparison.Ordinal))[(name.Length + 1)..], CultureInfo.InvariantCulture);

    private static async Task ReadBytesAsync(TcpClient client, int count)
    {
        var buffer = new byte[65_536];
        for (var left = count; left > 0;) left -= await client.GetStream().ReadAsync(buffer, Cancel);
    }
}
