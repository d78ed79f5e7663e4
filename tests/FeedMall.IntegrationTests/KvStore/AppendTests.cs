using System.Text;
using System.Text.RegularExpressions;
using FeedMall.ServiceDefaults;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>The append-only file: what it says, and that what is loaded is what was there.</summary>
public sealed partial class AppendTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Files => Path.Combine(_folder.Path, "kv");

    private string Increment(int number) => Path.Combine(Files, $"appendonly.aof.{number}.incr.aof");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("SET a 1", "SET a 1")]
    [InlineData("SET a 1 EX 100", "SET a 1 PXAT <ms>")]
    [InlineData("SETEX a 100 v", "SET a v PXAT <ms>")]
    [InlineData("SETNX a 1;SETNX a 2", "SET a 1")]
    [InlineData("SET a 1;EXPIRE a 100", "SET a 1;PEXPIREAT a <ms>")]
    [InlineData("SET a 1;EXPIRE a -1", "SET a 1;DEL a")]
    [InlineData("SET a 1;EXPIRE a 100;SET a 2 KEEPTTL", "SET a 1;PEXPIREAT a <ms>;SET a 2 PXAT <ms>")]
    [InlineData("SET a 1;GETEX a PX 100000;GETEX a PERSIST;GETEX a", "SET a 1;PEXPIREAT a <ms>;PERSIST a")]
    [InlineData("SET a 1;GETSET a 2;GETDEL a;GETDEL a", "SET a 1;SET a 2;DEL a")]
    [InlineData("SET a 1;SET a 2 EXAT 1", "SET a 1;DEL a")]
    [InlineData("INCRBYFLOAT a 1.5", "SET a 1.5 KEEPTTL")]
    [InlineData("INCR a;INCRBY a 5;DECR a", "INCR a;INCRBY a 5;DECR a")]
    [InlineData("DEL a;PERSIST a;GETDEL a;SET a 1 XX;EXPIRE a 100", "")]
    [InlineData("SET a 1;INCRBY a x;APPEND a 2;GET a", "SET a 1;APPEND a 2")]
    [InlineData("FLUSHALL;SET a 1;FLUSHALL;FLUSHALL", "SET a 1;FLUSHALL")]
    [InlineData("MSET a 1 b 2;MSETNX a 1 c 2;RENAME a d;COPY d e;UNLINK x;UNLINK d", "MSET a 1 b 2;RENAME a d;COPY d e;UNLINK d")]
    [InlineData("SET a 1 PX 1;KVTEST-GONE a;INCR a", "SET a 1 PXAT <ms>;DEL a;INCR a")]
    [InlineData("HINCRBYFLOAT h f 1.5;HSET h a 1;HDEL h b;HINCRBY h n 2", "HSET h f 1.5;HSET h a 1;HINCRBY h n 2")]
    [InlineData("SADD s a;SADD s a;SPOP s;SPOP s;SADD s x;SPOP s 5", "SADD s a;SREM s a;SADD s x;SREM s x")]
    [InlineData("ZADD z 1 a;ZADD z INCR 2 a;ZINCRBY z 0.5 a;ZADD z NX 9 a", "ZADD z 1 a;ZADD z 3 a;ZADD z 3.5 a")]
    [InlineData("LPUSH l a b;LPOP l;LPOP x;LTRIM l 5 6", "LPUSH l a b;LPOP l;LTRIM l 5 6")]
    [InlineData("MULTI;SET a 1 EX 100;GET a;INCR b;EXEC;MULTI;GET a;EXEC", "MULTI;SET a 1 PXAT <ms>;INCR b;EXEC")]
    [InlineData("SELECT 2;SET a 1;SELECT 0;MOVE a 1;SELECT 2;MOVE a 3", "SELECT 2;SET a 1;MOVE a 3")]
    [InlineData("SET a 1;SWAPDB 0 1", "SET a 1;SWAPDB 0 1")]
    public async Task The_file_has_the_effect_of_each_command(string commands, string expected)
    {
        await using (var host = await StartAsync())
        {
            using var client = await RespConnection.OpenAsync(host.Port, Cancel);
            foreach (var command in commands.Split(';'))
            {
                if (command.StartsWith("KVTEST-GONE ", StringComparison.Ordinal))
                    while (await client.AskAsync(["GET", command[12..]], Cancel) != "$-1⏎") { }
                else await client.AskAsync(command.Split(' '), Cancel);
            }
        }
        var written = string.Join(';', Commands(await File.ReadAllBytesAsync(Increment(1), Cancel)));
        // A transaction begins before its database is known.
        written = written.Replace("MULTI;SELECT 0;", "SELECT 0;MULTI;", StringComparison.Ordinal);
        Assert.Equal(expected.Length == 0 || expected.StartsWith("SELECT", StringComparison.Ordinal) ? expected : "SELECT 0;" + expected, Milliseconds().Replace(written, "<ms>"));
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public async Task After_a_restart_there_is_what_was_there(int seed)
    {
        List<string> before;
        await using (var host = await StartAsync())
        {
            await RunAsync(host.Port, new RandomCommands(seed), 5_000);
            before = await SettleAsync(host.Port);
            host.Logs.AssertNoErrors();
        }
        Assert.NotEmpty(before);
        await using var again = await StartAsync();
        Assert.Equal(before, await KvState.ReadAsync(again.Port, Cancel));
    }

    [Fact]
    public async Task A_rewrite_while_clients_write_loses_and_doubles_nothing()
    {
        List<string> before;
        await using (var host = await StartAsync())
        {
            using var client = await RespConnection.OpenAsync(host.Port, Cancel);
            for (var i = 0; i < 100; i++)
                await client.AskAsync(["MSET", .. Enumerable.Range(i * 1000, 1000).SelectMany(key => new[] { $"s{key}", "v" })], Cancel);
            var writers = Enumerable.Range(10, 4).Select(seed => RunAsync(host.Port, new RandomCommands(seed, keys: seed % 2 == 0 ? 50 : 100_000), 15_000)).ToList();
            var rewrites = 0;
            for (; writers.Any(writer => !writer.IsCompleted) || rewrites < 3; rewrites++) await RewriteAsync(client);
            await Task.WhenAll(writers);
            before = await SettleAsync(host.Port);
            host.Logs.AssertNoErrors();
        }
        Assert.InRange(Directory.GetFiles(Files, "*.base.aof").Length, 1, 1);
        await using var again = await StartAsync();
        Assert.Equal(before, await KvState.ReadAsync(again.Port, Cancel));
    }

    [Fact]
    public async Task A_torn_end_is_cut_off_wherever_it_is_torn()
    {
        await using (var host = await StartAsync())
        {
            using var client = await RespConnection.OpenAsync(host.Port, Cancel);
            await client.AskAsync(["SET", "a", "1"], Cancel);
            await client.AskAsync(["SET", "b", "2"], Cancel);
        }
        var whole = await File.ReadAllBytesAsync(Increment(1), Cancel);
        var last = Encoding.ASCII.GetString(whole).LastIndexOf("*3", StringComparison.Ordinal);
        for (var length = last; length <= whole.Length; length++)
        {
            // What a file system leaves that had made the file longer already: zeros.
            await File.WriteAllBytesAsync(Increment(1), [.. whole[..length], .. new byte[length % 2 * 100]], Cancel);
            await using var host = await StartAsync();
            using var client = await RespConnection.OpenAsync(host.Port, Cancel);
            Assert.Equal("$1⏎1⏎", await client.AskAsync(["GET", "a"], Cancel));
            Assert.Equal(length == whole.Length ? "$1⏎2⏎" : "$-1⏎", await client.AskAsync(["GET", "b"], Cancel));
            Assert.Equal(length != last && length != whole.Length, host.Logs.Entries.Any(entry => entry.Message.Contains("was cut at byte " + last, StringComparison.Ordinal)));
            // It goes on behind what is whole.
            await client.AskAsync(["SET", "c", "3"], Cancel);
            await host.StopAsync(Cancel);
            Assert.EndsWith("SET c 3", string.Join(' ', Commands(await File.ReadAllBytesAsync(Increment(1), Cancel))), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_torn_transaction_is_not_applied_at_all()
    {
        await using (var host = await StartAsync())
        {
            using var client = await RespConnection.OpenAsync(host.Port, Cancel);
            foreach (var command in new[] { "SET a 1", "MULTI", "SET a 2", "SET b 2", "EXEC" }) await client.AskAsync(command.Split(' '), Cancel);
        }
        var whole = await File.ReadAllBytesAsync(Increment(1), Cancel);
        await File.WriteAllBytesAsync(Increment(1), whole[..^1], Cancel);
        await using var again = await StartAsync();
        using var reader = await RespConnection.OpenAsync(again.Port, Cancel);
        Assert.Equal("$1⏎1⏎", await reader.AskAsync(["GET", "a"], Cancel));
        Assert.Equal("$-1⏎", await reader.AskAsync(["GET", "b"], Cancel));
    }

    [Theory]
    [InlineData("$1\r\n1", "$1\r\nXX")]
    [InlineData("*3", "?3")]
    [InlineData("SET", "GOT")]
    [InlineData("SET", "GET")]
    public async Task A_damaged_middle_refuses_the_start_and_says_where(string from, string to)
    {
        await using (var host = await StartAsync())
        {
            using var client = await RespConnection.OpenAsync(host.Port, Cancel);
            foreach (var key in new[] { "a", "b", "c" }) await client.AskAsync(["SET", key, "1"], Cancel);
        }
        var text = Encoding.ASCII.GetString(await File.ReadAllBytesAsync(Increment(1), Cancel));
        var at = text.IndexOf("*3", text.IndexOf("*3", StringComparison.Ordinal) + 1, StringComparison.Ordinal);
        var place = text.IndexOf(from, at, StringComparison.Ordinal);
        await File.WriteAllTextAsync(Increment(1), text[..place] + to + text[(place + from.Length)..], Cancel);
        var refusal = await Assert.ThrowsAsync<StartException>(() => StartAsync());
        Assert.Contains($"appendonly.aof.1.incr.aof is damaged at byte {at} ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains($"truncate -s {at}", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_whose_time_has_passed_meanwhile_are_not_there()
    {
        Directory.CreateDirectory(Files);
        await File.WriteAllTextAsync(Path.Combine(Files, "appendonly.aof.manifest"), "file appendonly.aof.1.incr.aof seq 1 type i\n", Cancel);
        // The INCR came before the expiry, so the key must not begin anew.
        await File.WriteAllTextAsync(Increment(1), "*5\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n5\r\n$4\r\nPXAT\r\n$13\r\n1000000000000\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n", Cancel);
        await using var host = await StartAsync();
        using var client = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.Equal(":0⏎", await client.AskAsync(["DBSIZE"], Cancel));
        await host.StopAsync(Cancel);
        Assert.Equal("DEL a", Commands(await File.ReadAllBytesAsync(Increment(1), Cancel))[^1]);
    }

    [Fact]
    public async Task A_second_server_does_not_get_the_same_files()
    {
        await using var host = await StartAsync();
        var refusal = await Assert.ThrowsAsync<StartException>(() => StartAsync());
        Assert.Contains("Another KvStore may be using it", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Operators_see_how_it_is()
    {
        await using var host = await StartAsync("--Kv:AppendSync=always");
        using var client = await RespConnection.OpenAsync(host.Port, Cancel);
        await client.AskAsync(["SET", "a", "1"], Cancel);
        Assert.Equal("*4⏎$10⏎appendonly⏎$3⏎yes⏎$11⏎appendfsync⏎$6⏎always⏎", await client.AskAsync(["CONFIG", "GET", "append*"], Cancel));
        Assert.Equal("+OK⏎", await client.AskAsync(["CONFIG", "SET", "appendfsync", "no"], Cancel));
        Assert.StartsWith("-ERR CONFIG SET failed", await client.AskAsync(["CONFIG", "SET", "appendonly", "no"], Cancel), StringComparison.Ordinal);
        await RewriteAsync(client);
        var info = await client.AskAsync(["INFO", "persistence"], Cancel);
        Assert.Contains("aof_enabled:1⏎", info, StringComparison.Ordinal);
        Assert.Contains("aof_last_bgrewrite_status:ok⏎", info, StringComparison.Ordinal);
        Assert.Contains("aof_rewrites:1⏎", info, StringComparison.Ordinal);
        Assert.DoesNotContain("aof_fsyncs:0⏎", info, StringComparison.Ordinal);
        await using var off = await KvHost.StartAsync();
        using var other = await RespConnection.OpenAsync(off.Port, Cancel);
        Assert.StartsWith("-ERR The append-only file is off", await other.AskAsync(["BGREWRITEAOF"], Cancel), StringComparison.Ordinal);
    }

    private Task<KvHost> StartAsync(params string[] settings) => KvHost.StartAsync(["--Kv:AppendOnly=true", $"--DataDirectory={_folder.Path}", .. settings]);

    // Sends many at once; what is replied does not matter.
    private static async Task RunAsync(int port, RandomCommands commands, int count)
    {
        using var client = await RespConnection.OpenAsync(port, Cancel);
        for (var sent = 0; sent < count; sent += 100)
        {
            await client.SendRawAsync(string.Concat(Enumerable.Range(0, 100).Select(_ => RespConnection.Encode(commands.Next()))), Cancel);
            for (var i = 0; i < 100; i++) Assert.NotEqual(RespConnection.Closed, await client.ReadAsync(Cancel));
        }
    }

    private static async Task RewriteAsync(RespConnection client)
    {
        Assert.StartsWith("+Background", await client.AskAsync(["BGREWRITEAOF"], Cancel), StringComparison.Ordinal);
        while ((await client.AskAsync(["INFO", "persistence"], Cancel)).Contains("aof_rewrite_in_progress:1", StringComparison.Ordinal)) await Task.Delay(1, Cancel);
    }

    // Short expiries lie behind when nothing changes any more.
    private static async Task<List<string>> SettleAsync(int port)
    {
        for (var state = await KvState.ReadAsync(port, Cancel); ;)
        {
            await Task.Delay(100, Cancel);
            var next = await KvState.ReadAsync(port, Cancel);
            if (next.SequenceEqual(state)) return state;
            state = next;
        }
    }

    /// <summary>The commands in a file, words joined by blanks.</summary>
    internal static List<string> Commands(byte[] file) =>
        [.. Encoding.Latin1.GetString(file).Split('*', StringSplitOptions.RemoveEmptyEntries).Select(command => string.Join(' ', command.Split("\r\n").Skip(2).Where((_, at) => at % 2 == 0)))];

    [GeneratedRegex(@"\b\d{13}\b")]
    private static partial Regex Milliseconds();
}
