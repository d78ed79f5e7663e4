using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using FeedMall.Testing;

namespace FeedMall.Benchmarks.Kv;

/// <summary>redis-benchmark against our server and redis-server, taking turns: operations per second, processor time of the server, memory of a million entries, pauses while they are flushed.</summary>
internal static partial class KvBenchmark
{
    private const int Connections = 50;
    private const int ValueBytes = 100;
    private const int Keys = 100_000;
    private const int Million = 1_000_000;

    public static async Task<int> RunAsync(string[] args)
    {
        var rounds = args is ["--rounds", var text] ? int.Parse(text, CultureInfo.InvariantCulture) : 3;
        await using var redis = await RedisServer.StartAsync();
        var port = FreePort.Next();
        using var folder = new TemporaryFolder();
        await using var ours = ServiceProcess.Start("KvStore", folder.Path, $"--Kv:Port={port}", "--Kv:GovernorUrl=");
        await ours.WaitForLineAsync("listens on", CancellationToken.None);
        Server[] servers = [new("KvStore", port, ours.ProcessId), new("redis-server", redis.Port, redis.ProcessId)];

        Console.WriteLine(await Conditions.DescribeAsync());
        Console.WriteLine("\n| command | -P | server | operations/s (median) | CPU s per million |\n| --- | ---: | --- | ---: | ---: |");
        foreach (var pipeline in new[] { 1, 16 })
            foreach (var command in new[] { "set", "get" })
                await CompareAsync(servers, command, pipeline, rounds);
        Console.WriteLine("\n| server | resident MB with 1 M entries of 16 + 100 bytes |\n| --- | ---: |");
        foreach (var server in servers) Console.WriteLine(FormattableString.Invariant($"| {server.Name} | {await MemoryAsync(server):0.0} |"));
        Console.WriteLine("\n| a million entries go by | server | reply after ms | another client's longest PING ms | its median ms |\n| --- | --- | ---: | ---: | ---: |");
        foreach (var command in new[] { "FLUSHALL", "FLUSHALL ASYNC" })
            foreach (var server in servers) await Pauses.MeasureAsync(server.Name, server.Port, command, () => MemoryAsync(server));
        Console.WriteLine("\n| SET with an append-only file | -P | operations/s (median) | CPU s per million |\n| --- | ---: | ---: | ---: |");
        foreach (var sync in new[] { "no", "everysec", "always" }) await AppendAsync(sync, rounds);
        return 0;
    }

    private static async Task AppendAsync(string sync, int rounds)
    {
        var port = FreePort.Next();
        using var folder = new TemporaryFolder();
        await using var process = ServiceProcess.Start("KvStore", folder.Path,
            $"--Kv:Port={port}", "--Kv:GovernorUrl=", "--Kv:AppendOnly=true", $"--Kv:AppendSync={sync}", $"--DataDirectory={folder.Path}");
        await process.WaitForLineAsync("listens on", CancellationToken.None);
        var server = new Server(sync, port, process.ProcessId);
        foreach (var pipeline in new[] { 1, 16 })
        {
            var runs = new List<(double Rate, double Cpu)>();
            for (var round = 0; round <= rounds; round++) runs.Add(await MeasureAsync(server, "set", pipeline));
            // The first round warms up.
            var median = runs.Skip(1).OrderBy(run => run.Rate).ElementAt(rounds / 2);
            Console.WriteLine(FormattableString.Invariant($"| {sync} | {pipeline} | {median.Rate:0} | {median.Cpu:0.00} |"));
        }
    }

    private sealed record Server(string Name, int Port, int ProcessId);

    private static async Task CompareAsync(Server[] servers, string command, int pipeline, int rounds)
    {
        var runs = servers.ToDictionary(server => server, _ => new List<(double Rate, double Cpu)>());
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var server in servers)
            {
                var run = await MeasureAsync(server, command, pipeline);
                // The first round warms up.
                if (round > 0) runs[server].Add(run);
            }
        }
        foreach (var (server, measured) in runs)
        {
            var rate = measured.Select(run => run.Rate).Order().ElementAt(measured.Count / 2);
            var cpu = measured.Select(run => run.Cpu).Order().ElementAt(measured.Count / 2);
            Console.WriteLine(FormattableString.Invariant($"| {command.ToUpperInvariant()} | {pipeline} | {server.Name} | {rate:0} | {cpu:0.00} |"));
        }
    }

    private static async Task<(double Rate, double Cpu)> MeasureAsync(Server server, string command, int pipeline)
    {
        var operations = pipeline == 1 ? 200_000 : Million;
        var before = Cpu(server);
        using var benchmark = Process.Start(new ProcessStartInfo("redis-benchmark", FormattableString.Invariant(
            $"-p {server.Port} -t {command} -n {operations} -c {Connections} -d {ValueBytes} -r {Keys} -P {pipeline} -q")) { RedirectStandardOutput = true })!;
        var output = await benchmark.StandardOutput.ReadToEndAsync();
        await benchmark.WaitForExitAsync();
        var rate = double.Parse(Rate().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
        return (rate, (Cpu(server) - before).TotalSeconds * Million / operations);
    }

    private static async Task<double> MemoryAsync(Server server)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, server.Port);
        var stream = client.GetStream();
        var reply = new byte[5];
        await stream.WriteAsync("FLUSHALL\r\n"u8.ToArray());
        await stream.ReadExactlyAsync(reply);
        var value = new string('x', ValueBytes);
        var replies = new byte[5 * 1000];
        for (var i = 0; i < Million; i += 1000)
        {
            var text = string.Concat(Enumerable.Range(i, 1000).Select(key => FormattableString.Invariant($"*3\r\n$3\r\nSET\r\n$16\r\nkey:{key:000000000000}\r\n${ValueBytes}\r\n{value}\r\n")));
            await stream.WriteAsync(Encoding.ASCII.GetBytes(text));
            await stream.ReadExactlyAsync(replies);
        }
        using var process = Process.GetProcessById(server.ProcessId);
        return process.WorkingSet64 / 1e6;
    }

    private static TimeSpan Cpu(Server server)
    {
        using var process = Process.GetProcessById(server.ProcessId);
        return process.TotalProcessorTime;
    }

    [GeneratedRegex(@"([\d.]+) requests per second")]
    private static partial Regex Rate();
}
