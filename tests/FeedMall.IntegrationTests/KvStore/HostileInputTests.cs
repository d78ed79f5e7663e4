using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using FeedMall.Testing;
using FeedMall.Testing.Hostile;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>A million inputs of hostile clients against a server process of its own, from which it must come back as it was.</summary>
public sealed class HostileInputTests
{
    // 999,100 with the breaking ones, and what is silent, and what drips.
    private static readonly AttackPlan s_attack = new(Connections: 9_950, CommandsEach: 100, Halves: 400, Drips: 100);
    // What the server keeps once it has seen such clients: compiled code, pooled buffers.
    private static readonly AttackPlan s_first = new(Connections: 2_000, CommandsEach: 100, Halves: 400, Drips: 5);
    private const long MemoryBoundBytes = 64 << 20;
    // Up to 64 MB of buffers and as much of entries are left to the collector.
    private const long HugeBoundBytes = 160 << 20;
    // Empty tables of databases that were used, and marks in the wheel for expiries that are void.
    private const long DataBoundBytes = 1 << 20;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_million_hostile_inputs_leave_the_server_and_its_other_clients_as_they_were()
    {
        Assert.InRange(s_attack.Inputs, 1_000_000, 1_100_000);
        await using var server = await ServerAsync("--Kv:IdleTimeout=00:00:02");
        var port = server.Port;
        await AttackAsync(port, s_first, seed: 1);
        using var control = await RespConnection.OpenAsync(port, Cancel);
        var descriptors = ProcessUse.Descriptors(server.Process.ProcessId);
        var (memory, data) = (ProcessUse.ResidentBytes(server.Process.ProcessId), await EmptyAsync(control));

        using var end = new CancellationTokenSource();
        var witness = Task.Run(() => Witness.PingAsync(port, end.Token, Cancel), Cancel);
        var attack = await AttackAsync(port, s_attack, seed: 100);
        await end.CancelAsync();
        var pings = await witness;

        Assert.Equal(s_attack.Inputs, attack.Sent);
        Assert.InRange(pings.Count, 100, int.MaxValue);
        using var after = await RespConnection.OpenAsync(port, Cancel);
        Assert.InRange(await EmptyAsync(after), 0, data + DataBoundBytes);
        await FallsToAsync(descriptors, () => ProcessUse.Descriptors(server.Process.ProcessId));
        await FallsToAsync(memory + MemoryBoundBytes, () => ProcessUse.ResidentBytes(server.Process.ProcessId));
        TestContext.Current.SendDiagnosticMessage($"{attack.Sent} inputs, {pings.Count} pings; descriptors {descriptors} before, {ProcessUse.Descriptors(server.Process.ProcessId)} after; "
            + $"resident MB {memory >> 20} before, {ProcessUse.ResidentBytes(server.Process.ProcessId) >> 20} after");
        // At the level that is set only defects of ours are logged.
        Assert.Equal("", server.Process.Output);
    }

    [Fact]
    public async Task Memory_of_huge_commands_and_replies_is_given_back()
    {
        await using var server = await ServerAsync();
        using var client = await RespConnection.OpenAsync(server.Port, Cancel);
        Assert.Equal(":1⏎", await client.AskAsync(["SADD", "s", "a"], Cancel));
        var memory = ProcessUse.ResidentBytes(server.Process.ProcessId);

        // Each would be answered with more than the process may hold, or keep everybody waiting for seconds.
        foreach (var absurd in new[] { "-1048577", "-30000000", "-2147483649", "-9223372036854775807" })
            Assert.Equal("-ERR value is out of range⏎", await client.AskAsync(["SRANDMEMBER", "s", absurd], Cancel));
        Assert.InRange(ProcessUse.ResidentBytes(server.Process.ProcessId), 0, memory + MemoryBoundBytes);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async number =>
        {
            using var large = await RespConnection.OpenAsync(server.Port, Cancel);
            var value = new string('x', 40_000_000);
            Assert.Equal("+OK⏎", await large.AskAsync(["SET", $"large:{number}", value], Cancel));
            Assert.True($"${value.Length}⏎{value}⏎" == await large.AskAsync(["GET", $"large:{number}"], Cancel));
            Assert.Equal(":1⏎", await large.AskAsync(["DEL", $"large:{number}"], Cancel));
        }));
        await FallsToAsync(memory + HugeBoundBytes, () => ProcessUse.ResidentBytes(server.Process.ProcessId));
        Assert.Equal("", server.Process.Output);
    }

    private static async Task<Server> ServerAsync(params string[] settings)
    {
        var (folder, port) = (new TemporaryFolder(), FreePort.Next());
        var process = ServiceProcess.Start("KvStore", folder.Path, [$"--Kv:Port={port}", "--Kv:GovernorUrl=", "--Logging:LogLevel:Default=Error", .. settings]);
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < s_patience; await Task.Delay(50, Cancel))
        {
            try
            {
                using var probe = await RespConnection.OpenAsync(port, Cancel);
                break;
            }
            catch (SocketException)
            {
                // Not yet.
            }
        }
        return new Server(process, port, folder);
    }

    private static async Task<HostileAttack> AttackAsync(int port, AttackPlan plan, int seed)
    {
        var attack = new HostileAttack(port, plan, seed);
        await attack.RunAsync(Cancel);
        return attack;
    }

    // Bytes of data when all keys are gone.
    private static async Task<long> EmptyAsync(RespConnection connection)
    {
        Assert.Equal("+OK⏎", await connection.AskAsync(["FLUSHALL"], Cancel));
        var info = await connection.AskAsync(["INFO", "memory"], Cancel);
        return long.Parse(info.Split('⏎').Single(line => line.StartsWith("used_memory_dataset:", StringComparison.Ordinal)).Split(':')[1], CultureInfo.InvariantCulture);
    }

    // What is closed and given back is not said to anybody.
    private static async Task FallsToAsync(long bound, Func<long> figure)
    {
        var began = Stopwatch.GetTimestamp();
        while (figure() > bound && Stopwatch.GetElapsedTime(began) < s_patience) await Task.Delay(50, Cancel);
        Assert.InRange(figure(), 0, bound);
    }

    private sealed record Server(ServiceProcess Process, int Port, TemporaryFolder Folder) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Process.DisposeAsync();
            Folder.Dispose();
        }
    }
}
