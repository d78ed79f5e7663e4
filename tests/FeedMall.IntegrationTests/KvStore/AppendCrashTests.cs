using System.Diagnostics;
using System.Globalization;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>The append-only file of a real process that is killed, on a disk that is full, and in the hands of a real redis-server.</summary>
public sealed class AppendCrashTests : IDisposable
{
    private const int Clients = 4;

    private readonly TemporaryFolder _folder = new();
    private readonly int _port = FreePort.Next();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Files => Path.Combine(_folder.Path, "kv");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Nothing_that_was_acknowledged_under_always_is_missing_after_fifty_kills()
    {
        var acknowledged = new long[Clients];
        for (var round = 0; round < 50; round++)
        {
            await using var kv = Start("--Kv:AppendSync=always");
            await kv.WaitForLineAsync("listens on", Cancel);
            for (var client = 0; client < Clients; client++) await CheckAsync(client, acknowledged);
            var clients = Enumerable.Range(0, Clients).Select(client => WriteUntilKilledAsync(client, acknowledged)).Append(RewriteUntilKilledAsync()).ToList();
            await Task.Delay(30 + round * 7 % 60, Cancel);
            // On a slow machine nothing may have been acknowledged yet.
            while (acknowledged.Min() <= round && !clients.Any(client => client.IsCompleted)) await Task.Delay(1, Cancel);
            await kv.KillAsync();
            await Task.WhenAll(clients);
        }
        await using var last = Start("--Kv:AppendSync=always");
        await last.WaitForLineAsync("listens on", Cancel);
        for (var client = 0; client < Clients; client++) await CheckAsync(client, acknowledged);
        Assert.All(acknowledged, count => Assert.InRange(count, 50, long.MaxValue));
    }

    [Fact]
    public async Task A_kill_under_everysec_loses_no_more_than_the_last_two_seconds()
    {
        var acknowledged = new List<long>();
        await using (var kv = Start("--Kv:AppendSync=everysec"))
        {
            await kv.WaitForLineAsync("listens on", Cancel);
            using var client = await RespConnection.OpenAsync(_port, Cancel);
            for (var number = 0; number == 0 || Stopwatch.GetElapsedTime(acknowledged[0]) < TimeSpan.FromSeconds(3); number++)
            {
                await client.AskAsync(["SET", $"k{number}", "v"], Cancel);
                acknowledged.Add(Stopwatch.GetTimestamp());
            }
            await kv.KillAsync();
        }
        var lastMoment = acknowledged[^1] - 2 * Stopwatch.Frequency;
        await using var again = Start();
        await again.WaitForLineAsync("listens on", Cancel);
        using var reader = await RespConnection.OpenAsync(_port, Cancel);
        var there = long.Parse((await reader.AskAsync(["DBSIZE"], Cancel))[1..^1], CultureInfo.InvariantCulture);
        Assert.InRange(there, acknowledged.Count(moment => moment < lastMoment), acknowledged.Count);
    }

    [Fact]
    public async Task A_full_disk_refuses_writes_and_not_reads_until_there_is_room()
    {
        // The process inherits from the shell that nobody dies of a file that may not become larger.
        using var shell = Process.Start(new ProcessStartInfo("bash", ["-c", $"trap '' XFSZ; exec dotnet '{Path.Combine(AppContext.BaseDirectory, "KvStore.dll")}' " + string.Join(' ', Arguments("--Kv:AppendSync=always"))]) { WorkingDirectory = _folder.Path })!;
        try
        {
            using var client = await OpenAsync();
            await LimitFilesAsync(shell.Id, "65536:unlimited");
            var value = new string('x', 1000);
            var written = 0;
            var reply = "+OK⏎";
            for (; reply == "+OK⏎" && written < 1000; written++) reply = await client.AskAsync(["SET", $"k{written}", value], Cancel);
            Assert.StartsWith("-MISCONF Errors writing to the AOF file: ", reply, StringComparison.Ordinal);
            using var other = await RespConnection.OpenAsync(_port, Cancel);
            Assert.StartsWith("-MISCONF", await other.AskAsync(["SET", "more", "1"], Cancel), StringComparison.Ordinal);
            Assert.StartsWith("-MISCONF", await other.AskAsync(["DEL", "k1"], Cancel), StringComparison.Ordinal);
            Assert.Equal($"$1000⏎{value}⏎", await other.AskAsync(["GET", "k1"], Cancel));
            Assert.Contains("aof_last_write_status:err", await other.AskAsync(["INFO", "persistence"], Cancel), StringComparison.Ordinal);
            await other.AskAsync(["MULTI"], Cancel);
            Assert.StartsWith("-MISCONF", await other.AskAsync(["SET", "more", "1"], Cancel), StringComparison.Ordinal);
            Assert.StartsWith("-EXECABORT", await other.AskAsync(["EXEC"], Cancel), StringComparison.Ordinal);

            await LimitFilesAsync(shell.Id, "unlimited");
            for (reply = "-MISCONF"; reply.StartsWith("-MISCONF", StringComparison.Ordinal);) reply = await other.AskAsync(["SET", "more", "1"], Cancel);
            Assert.Equal("+OK⏎", reply);
            Assert.Contains("aof_last_write_status:ok", await other.AskAsync(["INFO", "persistence"], Cancel), StringComparison.Ordinal);
            var before = await KvState.ReadAsync(_port, Cancel);
            shell.Kill();
            await shell.WaitForExitAsync(Cancel);
            await using var again = Start();
            await again.WaitForLineAsync("listens on", Cancel);
            Assert.Equal(before, await KvState.ReadAsync(_port, Cancel));
            Assert.InRange(before.Count, written, written + 1);
        }
        finally
        {
            if (!shell.HasExited) shell.Kill();
            await shell.WaitForExitAsync(Cancel);
        }
    }

    [Fact]
    public async Task A_real_redis_loads_the_folder_and_has_the_same()
    {
        List<string> ours;
        await using (var kv = Start())
        {
            await kv.WaitForLineAsync("listens on", Cancel);
            using var client = await RespConnection.OpenAsync(_port, Cancel);
            var commands = new RandomCommands(7);
            for (var i = 0; i < 4_000; i++)
            {
                await client.AskAsync(commands.Next(), Cancel);
                if (i == 2_000) await client.AskAsync(["BGREWRITEAOF"], Cancel);
            }
            while ((await client.AskAsync(["INFO", "persistence"], Cancel)).Contains("aof_rewrite_in_progress:1", StringComparison.Ordinal)) await Task.Delay(5, Cancel);
            await client.AskAsync(["SELECT", "0"], Cancel);
            foreach (var word in new[] { "MULTI", "INCR n", "RPUSH l 1", "EXEC" }) await client.AskAsync(word.Split(' '), Cancel);
            // The random commands' short expiries are over.
            await Task.Delay(100, Cancel);
            ours = await KvState.ReadAsync(_port, Cancel);
            Assert.Equal(0, (await kv.InterruptAsync(Cancel)).ExitCode);
        }
        Assert.NotEmpty(Directory.GetFiles(Files, "*.base.aof"));
        await using var redis = await RedisServer.StartAsync("--dir", _folder.Path, "--appenddirname", "kv", "--appendonly", "yes", "--aof-use-rdb-preamble", "no");
        using (var client = await RespConnection.OpenAsync(redis.Port, Cancel))
            while ((await client.AskAsync(["PING"], Cancel)).StartsWith("-LOADING", StringComparison.Ordinal)) { }
        Assert.Equal(ours, await KvState.ReadAsync(redis.Port, Cancel));
    }

    private string[] Arguments(params string[] settings) =>
        [$"--Kv:Port={_port}", "--Kv:GovernorUrl=", "--Kv:AppendOnly=true", $"--DataDirectory={_folder.Path}", .. settings];

    private ServiceProcess Start(params string[] settings) => ServiceProcess.Start("KvStore", _folder.Path, Arguments(settings));

    private static async Task LimitFilesAsync(int process, string bytes)
    {
        using var limit = Process.Start("prlimit", [$"--pid={process}", $"--fsize={bytes}"]);
        await limit.WaitForExitAsync(Cancel);
        Assert.Equal(0, limit.ExitCode);
    }

    // Its output is not read, so the port tells when it is there.
    private async Task<RespConnection> OpenAsync()
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await RespConnection.OpenAsync(_port, Cancel);
            }
            catch (System.Net.Sockets.SocketException) when (attempt < 600)
            {
                await Task.Delay(50, Cancel);
            }
        }
    }

    // Each acknowledged number is one more in a counter, in a list, and a key of its own, the last two in a transaction.
    private async Task WriteUntilKilledAsync(int client, long[] acknowledged)
    {
        using var connection = await RespConnection.OpenAsync(_port, Cancel);
        while (true)
        {
            var number = acknowledged[client] + 1;
            if (await connection.AskAsync(["INCR", $"counter{client}"], Cancel) == RespConnection.Closed) return;
            foreach (var command in new[] { "MULTI", $"SET key{client}:{number} {number}", $"RPUSH list{client} {number}" })
                if (await connection.AskAsync(command.Split(' '), Cancel) == RespConnection.Closed) return;
            if (await connection.AskAsync(["EXEC"], Cancel) == RespConnection.Closed) return;
            acknowledged[client] = number;
        }
    }

    // So that kills hit rewrites too, at every step of them.
    private async Task RewriteUntilKilledAsync()
    {
        using var connection = await RespConnection.OpenAsync(_port, Cancel);
        while (await connection.AskAsync(["BGREWRITEAOF"], Cancel) != RespConnection.Closed) await Task.Delay(3, Cancel);
    }

    // What was acknowledged is there; where the kill has left things is where the next round begins.
    private async Task CheckAsync(int client, long[] numbers)
    {
        var acknowledged = numbers[client];
        using var connection = await RespConnection.OpenAsync(_port, Cancel);
        var counter = await connection.AskAsync(["INCRBY", $"counter{client}", "0"], Cancel);
        Assert.InRange(long.Parse(counter[1..^1], CultureInfo.InvariantCulture), acknowledged, acknowledged + 1);
        var list = KvState.Strings(await connection.AskAsync(["LRANGE", $"list{client}", "0", "-1"], Cancel));
        // The one that was under way may be there, whole, or not.
        Assert.InRange(list.Count, acknowledged, acknowledged + 1);
        Assert.Equal(Enumerable.Range(1, list.Count).Select(number => number.ToString(CultureInfo.InvariantCulture)), list);
        var keys = list.Count == 0 ? [] : KvState.Strings(await connection.AskAsync(["MGET", .. list.Select(number => $"key{client}:{number}")], Cancel));
        Assert.Equal(list, keys);
        numbers[client] = list.Count;
        await connection.AskAsync(["SET", $"counter{client}", list.Count.ToString(CultureInfo.InvariantCulture)], Cancel);
    }
}
