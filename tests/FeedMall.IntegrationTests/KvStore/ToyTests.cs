using System.Net;
using System.Net.Sockets;
using System.Text;
using FeedMall.ServiceDefaults;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>The toy's line protocol, byte for byte.</summary>
public sealed class ToyTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("000100000GETmissing\n", "+not found key\n")]
    [InlineData("000100000SETa\rone\r60\n000100000GETa\n", "ok\n+one\n")]
    [InlineData("000100000SETa\rone\r0\n000100000GETa\n", "ok\n+one\n")]
    [InlineData("000100000SETa\r\r60\n000100000GETa\n", "ok\n+\n")]
    [InlineData("000100000SETa\rone\r60\n000100000SETa\rtwo\r60\n000100000GETa\n", "ok\nok\n+two\n")]
    [InlineData("000100000SETa\rone\r60\n000100EXPIREa\r100\n000100EXPIREmissing\r100\n", "ok\nok\nerror not found key\n")]
    [InlineData("000100000SETa\rone\r60\n000100EXPIREa\r0\n000100EXPIREmissing\r0\n", "ok\nok\nerror not found key\n")]
    [InlineData("000100000SEThogehogehogehoge\rfugafuga2times\r60\n000100000GEThogehogehogehoge\n", "ok\n+fugafuga2times\n")]
    [InlineData("00010000PINGx\n000100000get a\n000100000GETa\n", "NOP\nNOP\n+not found key\n")]
    [InlineData("\n", "error bad request\n")]
    [InlineData("000\n0001\n000100000GE\n", "error bad request\nerror bad request\nerror bad request\n")]
    [InlineData("000100000GET\n000100000GETa\rb\n000100000GETa\r\n", "error bad request\nerror bad request\nerror bad request\n")]
    [InlineData("000100000SETa\n000100000SETa\rb\n000100000SETa\rb\rc\rd\n", "error bad request\nerror bad request\nerror bad request\n")]
    [InlineData("000100000SETa\rb\r\n000100000SETa\rb\r-1\n000100000SETa\rb\r1.5\n000100000SETa\rb\r4294967296\n", "error bad request\nerror bad request\nerror bad request\nerror bad request\n")]
    [InlineData("000100000SET\rb\r1\n000100EXPIRE\r1\n000100EXPIREa\n000100EXPIREa\rx\n000100EXPIREa\r1\r2\n", "error bad request\nerror bad request\nerror bad request\nerror bad request\nerror bad request\n")]
    [InlineData("000100000SETa\rone\r4294967295\n000100000GETa\n", "ok\n+one\n")]
    [InlineData("000100000GETa\n000200000GETa\n000100000GETa\n", "+not found key\nerror version\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "error version\n")]
    [InlineData("000100000GETa\n000100000GE", "+not found key\n")]
    public async Task A_line_is_answered(string lines, string answers)
    {
        var port = FreePort.Next();
        await using var host = await KvHost.StartAsync($"--Kv:ToyPort={port}");
        Assert.Equal(answers, await SayAsync(port, lines));
        host.Logs.AssertNoErrors();
    }

    [Theory]
    [InlineData("000100000SETa\rone\r60\n000100000GETa\n000100000GETmissing\n", "+one+not found key")]
    [InlineData("00010000PINGx\n", "NOP")]
    public async Task The_toy_s_own_answers_have_no_line_ends(string lines, string answers)
    {
        var port = FreePort.Next();
        await using var host = await KvHost.StartAsync($"--Kv:ToyPort={port}", "--Kv:ToyLegacyExact=true");
        Assert.Equal(answers, await SayAsync(port, lines));
    }

    [Fact]
    public async Task Both_protocols_see_the_same_data_with_its_expiry()
    {
        var port = FreePort.Next();
        await using var host = await KvHost.StartAsync($"--Kv:ToyPort={port}");
        using var redis = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.Equal("ok\nok\n", await SayAsync(port, "000100000SETa\rone\r60\n000100000SETb\rtwo\r60\n"));
        Assert.Equal(":60⏎", await redis.AskAsync(["TTL", "a"], Cancel));
        Assert.Equal("ok\nok\n", await SayAsync(port, "000100EXPIREa\r0\n000100EXPIREb\r1000\n"));
        Assert.Equal(":-1⏎", await redis.AskAsync(["TTL", "a"], Cancel));
        Assert.Equal(":1000⏎", await redis.AskAsync(["TTL", "b"], Cancel));
        Assert.Equal(":1⏎", await redis.AskAsync(["LPUSH", "list", "x"], Cancel));
        Assert.Equal("+OK⏎", await redis.AskAsync(["SET", "two lines", "x\ny"], Cancel));
        Assert.Equal("error WRONGTYPE Operation against a key holding the wrong kind of value\nerror value has line ends\n",
            await SayAsync(port, "000100000GETlist\n000100000GETtwo lines\n"));
        Assert.Equal("+OK⏎", await redis.AskAsync(["CONFIG", "SET", "maxmemory", "1"], Cancel));
        Assert.StartsWith("error OOM ", await SayAsync(port, "000100000SETc\rthree\r0\n"), StringComparison.Ordinal);
        Assert.Contains("cmdstat_set:calls=", await redis.AskAsync(["INFO", "commandstats"], Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_value_of_a_mebibyte_fits_and_a_longer_line_ends_the_connection()
    {
        var port = FreePort.Next();
        await using var host = await KvHost.StartAsync($"--Kv:ToyPort={port}");
        var value = new string('v', 1024 * 1024);
        Assert.Equal($"ok\n+{value}\n", await SayAsync(port, $"000100000SETa\r{value}\r60\n000100000GETa\n"));
        const int MaxLineBytes = 1024 * 1024 + 64;
        Assert.Equal("error line too long\n", await SayAsync(port, "000100000SETa\r".PadRight(MaxLineBytes, 'x')));
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Ten_thousand_lines_at_once_are_answered_in_order_and_so_is_one_that_comes_byte_by_byte()
    {
        var port = FreePort.Next();
        await using var host = await KvHost.StartAsync($"--Kv:ToyPort={port}");
        var lines = string.Concat(Enumerable.Range(0, 5_000).Select(i => $"000100000SETk{i % 7}\rv{i}\r60\n000100000GETk{i % 7}\n"));
        Assert.Equal(string.Concat(Enumerable.Range(0, 5_000).Select(i => $"ok\n+v{i}\n")), await SayAsync(port, lines));
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, port, Cancel);
        foreach (var letter in "000100000GETk0\n"u8.ToArray()) await client.GetStream().WriteAsync(new[] { letter }, Cancel);
        var answer = new byte[7];
        await client.GetStream().ReadExactlyAsync(answer, Cancel);
        Assert.Equal("+v4998\n", Encoding.ASCII.GetString(answer));
    }

    [Fact]
    public async Task Its_clients_are_bounded_and_silent_ones_are_closed()
    {
        var port = FreePort.Next();
        await using var host = await KvHost.StartAsync($"--Kv:ToyPort={port}", "--Kv:MaxClients=1", "--Kv:IdleTimeout=00:00:03");
        using (var silent = new TcpClient())
        {
            await silent.ConnectAsync(IPAddress.Loopback, port, Cancel);
            await silent.GetStream().WriteAsync("000100000GETa\n"u8.ToArray(), Cancel);
            Assert.Equal('+', silent.GetStream().ReadByte());
            Assert.Equal("error too many clients\n", await ReadAsync(port));
            Assert.Equal("not found key\n", await new StreamReader(silent.GetStream()).ReadToEndAsync(Cancel));
        }
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task What_was_acknowledged_is_in_the_append_only_file()
    {
        using var folder = new TemporaryFolder();
        var port = FreePort.Next();
        string[] settings = [$"--Kv:ToyPort={port}", $"--DataDirectory={folder.Path}", "--Kv:AppendOnly=true", "--Kv:AppendSync=always"];
        await using (var first = await KvHost.StartAsync(settings))
        {
            Assert.Equal("ok\n", await SayAsync(port, "000100000SETkept\rvalue\r0\n"));
            await first.StopAsync(Cancel);
        }
        await using var second = await KvHost.StartAsync(settings);
        Assert.Equal("+value\n", await SayAsync(port, "000100000GETkept\n"));
    }

    [Theory]
    [InlineData("--Kv:Password=secret")]
    [InlineData("--Kv:Tls=true")]
    [InlineData("--Kv:ToyPort=70000")]
    public async Task It_is_not_spoken_beside_a_password_or_TLS_nor_on_a_port_that_is_none(string setting)
    {
        var failure = await Record.ExceptionAsync(() => KvHost.StartAsync($"--Kv:ToyPort={FreePort.Next()}", setting));
        Assert.Contains("Kv:ToyPort", Assert.IsAssignableFrom<Exception>(failure).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_named()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var failure = await Record.ExceptionAsync(() => KvHost.StartAsync($"--Kv:ToyPort={((IPEndPoint)taken.LocalEndpoint).Port}"));
        Assert.Contains("--Kv:ToyPort", Assert.IsType<StartException>(failure).Message, StringComparison.Ordinal);
    }

    // Sends everything, ends, and gives back all that is answered.
    private static async Task<string> SayAsync(int port, string lines)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, Cancel);
        var answers = new StreamReader(client.GetStream(), Encoding.Latin1).ReadToEndAsync(Cancel);
        await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(lines), Cancel);
        client.Client.Shutdown(SocketShutdown.Send);
        return await answers;
    }

    private static async Task<string> ReadAsync(int port)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, Cancel);
        return await new StreamReader(client.GetStream(), Encoding.Latin1).ReadToEndAsync(Cancel);
    }
}
