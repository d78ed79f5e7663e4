using System.Diagnostics;
using System.Globalization;
using System.Text;
using FeedMall.Testing.Hostile;

namespace FeedMall.Benchmarks.Kv;

/// <summary>What a well-behaved client notices of hostile ones, and what they leave behind.</summary>
internal static class KvHostile
{
    private const int CommandsEach = 100;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(30);

    public static async Task<string> MeasureAsync(KvPlan plan)
    {
        await using var servers = await KvServers.StartAsync();
        var server = servers.Ours;
        await AttackAsync(server, plan.Operations / 10, TimeSpan.Zero, seed: 1);
        await AttackAsync(server, plan.Operations / 10, s_pause, seed: 2);
        var (descriptors, memory) = (ProcessUse.Descriptors(server.ProcessId), ProcessUse.ResidentBytes(server.ProcessId));
        var text = new StringBuilder()
            .AppendLine("## Hostile clients").AppendLine()
            .AppendLine("Senseless commands with giant and negative numbers, random bytes, commands with bytes changed or missing, giant and negative lengths, HTTP, and commands that come byte by")
            .AppendLine("byte. Meanwhile another client sends PING, with a millisecond between two. The attackers would have machines of their own, so they are a process that gets only what the others")
            .AppendLine("leave of the processors (`chrt --idle 0`); they, the server and that client still share two. Paced: each of the 8 attackers waits between two of its connections, some 100")
            .AppendLine("inputs each. Beside them stands a load of honest SETs through redis-benchmark (50 connections, -P 100), of ordinary priority, that uses the machine up too.")
            .AppendLine("The server has seen a tenth of each attack before, so that its code is compiled.").AppendLine()
            .AppendLine("| meanwhile | inputs | inputs/s | pings | p50 ms | p99 ms | longest ms | p99 of idle |")
            .AppendLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        var idle = await PingDuringAsync(server, () => Task.Delay(plan.Duration * 4));
        Row(text, "nothing", 0, idle, idle);
        Row(text, "an attack, paced", plan.Operations, await PingDuringAsync(server, () => AttackAsync(server, plan.Operations, s_pause, 100)), idle);
        Row(text, "an attack as fast as it goes", plan.Operations, await PingDuringAsync(server, () => AttackAsync(server, plan.Operations, TimeSpan.Zero, 200)), idle);
        Row(text, "honest SETs as fast as they go", plan.Operations, await PingDuringAsync(server, () => KvServers.BenchmarkAsync(server, "set", 100, plan.Operations)), idle);
        return text.AppendLine().AppendLine(CultureInfo.InvariantCulture,
            $"Open file descriptors: {descriptors} before, {ProcessUse.Descriptors(server.ProcessId)} after. Resident memory: {memory / 1e6:0.0} MB before, {ProcessUse.ResidentBytes(server.ProcessId) / 1e6:0.0} MB after.").ToString();
    }

    /// <summary>The attacking process: port, inputs, ms of pause, seed.</summary>
    public static async Task<int> AttackAsync(string[] args)
    {
        var numbers = args.Select(text => int.Parse(text, CultureInfo.InvariantCulture)).ToList();
        var plan = new AttackPlan(Math.Max(numbers[1] / (CommandsEach + 1), 8), CommandsEach, Halves: 0, Drips: 8) { Pause = TimeSpan.FromMilliseconds(numbers[2]) };
        await new HostileAttack(numbers[0], plan, numbers[3]).RunAsync(CancellationToken.None);
        return 0;
    }

    private static async Task AttackAsync(KvTarget server, int inputs, TimeSpan pause, int seed)
    {
        var numbers = new[] { server.Port, inputs, (int)pause.TotalMilliseconds, seed };
        using var attack = Process.Start("chrt", ["--idle", "0", "dotnet", typeof(KvHostile).Assembly.Location, "kv-attack", .. numbers.Select(number => number.ToString(CultureInfo.InvariantCulture))]);
        await attack.WaitForExitAsync();
        if (attack.ExitCode != 0) throw new InvalidOperationException("the attack did not get the answers that it must get");
    }

    private static async Task<(IReadOnlyList<TimeSpan> Pings, TimeSpan Elapsed)> PingDuringAsync(KvTarget server, Func<Task> load)
    {
        using var end = new CancellationTokenSource();
        var pings = Task.Run(() => Witness.PingAsync(server.Port, end.Token, CancellationToken.None));
        var began = Stopwatch.GetTimestamp();
        await load();
        var elapsed = Stopwatch.GetElapsedTime(began);
        await end.CancelAsync();
        return (await pings, elapsed);
    }

    private static void Row(StringBuilder text, string name, int inputs, (IReadOnlyList<TimeSpan> Pings, TimeSpan Elapsed) run, (IReadOnlyList<TimeSpan> Pings, TimeSpan) idle)
    {
        static TimeSpan P99(IReadOnlyList<TimeSpan> sorted) => sorted[sorted.Count * 99 / 100];
        text.AppendLine(CultureInfo.InvariantCulture,
            $"| {name} | {inputs:N0} | {inputs / run.Elapsed.TotalSeconds:N0} | {run.Pings.Count:N0} | {KvExpiry.Figures(run.Pings)} | {P99(run.Pings) / P99(idle.Pings):0.0}× |");
    }
}
