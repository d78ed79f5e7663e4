using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using FeedMall.Testing;

namespace FeedMall.Benchmarks.Kv;

/// <summary>A server under test.</summary>
internal sealed record KvTarget(string Name, int Port, int ProcessId)
{
    /// <summary>Processor time so far.</summary>
    public TimeSpan Cpu
    {
        get
        {
            using var process = Process.GetProcessById(ProcessId);
            return process.TotalProcessorTime;
        }
    }
}

/// <summary>Our server and redis-server, as processes with files of their own.</summary>
internal sealed partial class KvServers : IAsyncDisposable
{
    private const int Connections = 50;
    private const int ValueBytes = 100;
    private const int Keys = 100_000;

    private readonly TemporaryFolder _folder;
    private readonly ServiceProcess _ours;
    private readonly RedisServer _redis;

    private KvServers(TemporaryFolder folder, ServiceProcess ours, int port, RedisServer redis)
    {
        (_folder, _ours, _redis) = (folder, ours, redis);
        All = [new("KvStore", port, ours.ProcessId), new("redis-server", redis.Port, redis.ProcessId)];
    }

    /// <summary>Ours first.</summary>
    public IReadOnlyList<KvTarget> All { get; }

    public KvTarget Ours => All[0];

    /// <summary>Starts both.</summary>
    /// <param name="appendSync">When their append-only files are flushed; null: they have none.</param>
    public static async Task<KvServers> StartAsync(string? appendSync = null)
    {
        var (folder, port) = (new TemporaryFolder(), FreePort.Next());
        string[] files = appendSync is null ? [] : ["--Kv:AppendOnly=true", $"--Kv:AppendSync={appendSync}", $"--DataDirectory={folder.Path}"];
        var ours = ServiceProcess.Start("KvStore", folder.Path, [$"--Kv:Port={port}", "--Kv:GovernorUrl=", .. files]);
        await ours.WaitForLineAsync("listens on", CancellationToken.None);
        var redis = await RedisServer.StartAsync(appendSync is null ? [] : ["--dir", folder.Path, "--appendonly", "yes", "--appendfsync", appendSync]);
        return new KvServers(folder, ours, port, redis);
    }

    /// <summary>redis-benchmark once: operations per second, and processor seconds of the server per million.</summary>
    public static async Task<(double Rate, double Cpu)> BenchmarkAsync(KvTarget server, string command, int pipeline, int operations)
    {
        var before = server.Cpu;
        using var benchmark = Process.Start(new ProcessStartInfo("redis-benchmark", FormattableString.Invariant(
            $"-p {server.Port} -t {command} -n {operations} -c {Connections} -d {ValueBytes} -r {Keys} -P {pipeline} -q")) { RedirectStandardOutput = true })!;
        var output = await benchmark.StandardOutput.ReadToEndAsync();
        await benchmark.WaitForExitAsync();
        return (double.Parse(Rate().Match(output).Groups[1].Value, CultureInfo.InvariantCulture), (server.Cpu - before).TotalSeconds * 1e6 / operations);
    }

    /// <summary>All servers in turns, the first turn to warm up: the median rate and processor time of each.</summary>
    public async Task<IReadOnlyList<(double Rate, double Cpu)>> CompareAsync(string command, int pipeline, KvPlan plan)
    {
        var runs = All.Select(_ => new List<(double Rate, double Cpu)>()).ToList();
        for (var round = 0; round <= plan.Rounds; round++)
        {
            for (var i = 0; i < All.Count; i++)
            {
                var run = await BenchmarkAsync(All[i], command, pipeline, pipeline == 1 ? Math.Max(plan.Operations / 5, 10_000) : plan.Operations);
                if (round > 0) runs[i].Add(run);
            }
        }
        return [.. runs.Select(each => (Median(each.Select(run => run.Rate)), Median(each.Select(run => run.Cpu))))];
    }

    /// <summary>Sets entries with keys of 16 bytes and values of 100, a thousand at once.</summary>
    /// <param name="more">More words of SET, each led by a blank.</param>
    public static async Task FillAsync(KvTarget server, int entries, string more = "")
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, server.Port);
        var words = more.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var (value, rest) = (new string('x', ValueBytes), string.Concat(words.Select(word => $"${word.Length}\r\n{word}\r\n")));
        var replies = new byte[5 * 1000];
        for (var i = 0; i < entries; i += 1000)
        {
            var text = string.Concat(Enumerable.Range(i, 1000).Select(key =>
                FormattableString.Invariant($"*{3 + words.Length}\r\n$3\r\nSET\r\n$16\r\nkey:{key:000000000000}\r\n${ValueBytes}\r\n{value}\r\n{rest}")));
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text));
            await client.GetStream().ReadExactlyAsync(replies);
        }
    }

    /// <summary>Adds members of 16 bytes to the set "set", a thousand with each command.</summary>
    public static async Task FillSetAsync(KvTarget server, int members)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, server.Port);
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
        for (var i = 0; i < members; i += 1000)
        {
            var text = "*1002\r\n$4\r\nSADD\r\n$3\r\nset\r\n" + string.Concat(Enumerable.Range(i, 1000).Select(member => FormattableString.Invariant($"$16\r\nmbr:{member:000000000000}\r\n")));
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text));
            await reader.ReadLineAsync();
        }
    }

    /// <summary>DBSIZE.</summary>
    public static async Task<long> EntriesAsync(TcpClient client)
    {
        await client.GetStream().WriteAsync("DBSIZE\r\n"u8.ToArray());
        var (reply, buffer) = ("", new byte[64]);
        while (!reply.EndsWith('\n')) reply += Encoding.ASCII.GetString(buffer, 0, await client.GetStream().ReadAsync(buffer));
        return long.Parse(reply[1..^2], CultureInfo.InvariantCulture);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ours.DisposeAsync();
        await _redis.DisposeAsync();
        _folder.Dispose();
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted[sorted.Count / 2];
    }

    [GeneratedRegex(@"([\d.]+) requests per second")]
    private static partial Regex Rate();
}
