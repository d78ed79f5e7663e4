using System.Globalization;
using System.Text;
using FeedMall.Testing.Hostile;

namespace FeedMall.Benchmarks.Kv;

/// <summary>What a well-behaved client notices of hostile ones, and what they leave behind.</summary>
internal static class KvHostile
{
    private const int CommandsEach = 100;

    public static async Task<string> MeasureAsync(KvPlan plan)
    {
        await using var servers = await KvServers.StartAsync();
        var server = servers.Ours;
        await new HostileAttack(server.Port, Plan(40_000), seed: 1).RunAsync(CancellationToken.None);
        var (descriptors, memory) = (ProcessUse.Descriptors(server.ProcessId), ProcessUse.ResidentBytes(server.ProcessId));
        var text = new StringBuilder()
            .AppendLine("## Hostile clients").AppendLine()
            .AppendLine("Senseless commands with giant and negative numbers, random bytes, commands with bytes changed or missing, giant and negative lengths, HTTP, and commands that come byte by")
            .AppendLine("byte. Meanwhile another client sends PING, with a millisecond between two. Attackers, server and that client share the machine: beside them stands a load of honest")
            .AppendLine("SETs through redis-benchmark (50 connections, -P 100) that uses the machine up too.").AppendLine()
            .AppendLine("| meanwhile | inputs | inputs/s | pings | p50 ms | p99 ms | longest ms | p99 of idle |")
            .AppendLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        var idle = await PingDuringAsync(server, () => Task.Delay(plan.Duration));
        Row(text, "nothing", 0, idle, idle);
        var slow = Plan((int)(plan.Duration.TotalSeconds * 10_000)) with { Pause = TimeSpan.FromMilliseconds(75) };
        Row(text, "an attack of some 10,000 inputs/s", slow.Inputs, await PingDuringAsync(server, () => AttackAsync(server, slow, 100)), idle);
        var full = Plan(plan.Operations);
        Row(text, "an attack as fast as it goes", full.Inputs, await PingDuringAsync(server, () => AttackAsync(server, full, 200)), idle);
        Row(text, "honest SETs as fast as they go", plan.Operations, await PingDuringAsync(server, () => KvServers.BenchmarkAsync(server, "set", 100, plan.Operations)), idle);
        return text.AppendLine().AppendLine(CultureInfo.InvariantCulture,
            $"Open file descriptors: {descriptors} before, {ProcessUse.Descriptors(server.ProcessId)} after. Resident memory: {memory / 1e6:0.0} MB before, {ProcessUse.ResidentBytes(server.ProcessId) / 1e6:0.0} MB after.").ToString();
    }

    private static AttackPlan Plan(int inputs) => new(Math.Max(inputs / (CommandsEach + 1), 8), CommandsEach, Halves: 0, Drips: 8);

    private static Task AttackAsync(KvTarget server, AttackPlan plan, int seed) => new HostileAttack(server.Port, plan, seed).RunAsync(CancellationToken.None);

    private static async Task<(IReadOnlyList<TimeSpan> Pings, TimeSpan Elapsed)> PingDuringAsync(KvTarget server, Func<Task> load)
    {
        using var end = new CancellationTokenSource();
        var pings = Task.Run(() => Witness.PingAsync(server.Port, end.Token, CancellationToken.None));
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        await load();
        var elapsed = System.Diagnostics.Stopwatch.GetElapsedTime(began);
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
