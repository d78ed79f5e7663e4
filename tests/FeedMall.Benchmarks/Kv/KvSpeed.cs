using System.Globalization;
using System.Text;
using FeedMall.Testing.Hostile;

namespace FeedMall.Benchmarks.Kv;

/// <summary>redis-benchmark against both servers in turns, then the memory of many entries in fresh ones.</summary>
internal static class KvSpeed
{
    public static async Task<string> MeasureAsync(KvPlan plan)
    {
        var text = new StringBuilder("## Rate and processor time\n\nredis-benchmark, 50 connections, values of 100 bytes, 100,000 keys; medians.\n\n")
            .AppendLine("| command | -P | KvStore ops/s | redis-server ops/s | ratio | KvStore CPU s per million | redis-server CPU s per million | ratio |")
            .AppendLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        await using (var servers = await KvServers.StartAsync())
        {
            foreach (var pipeline in new[] { 1, 16 })
            {
                foreach (var command in new[] { "set", "get" })
                {
                    var runs = await servers.CompareAsync(command, pipeline, plan);
                    text.AppendLine(CultureInfo.InvariantCulture,
                        $"| {command.ToUpperInvariant()} | {pipeline} | {runs[0].Rate:N0} | {runs[1].Rate:N0} | {runs[0].Rate / runs[1].Rate:0.00} | {runs[0].Cpu:0.00} | {runs[1].Cpu:0.00} | {runs[0].Cpu / runs[1].Cpu:0.00} |");
                }
            }
        }
        await using var fresh = await KvServers.StartAsync();
        var (empty, full) = (fresh.All.Select(Megabytes).ToList(), new List<double>());
        foreach (var server in fresh.All)
        {
            await KvServers.FillAsync(server, plan.Entries);
            full.Add(Megabytes(server));
        }
        return text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"Resident memory with {plan.Entries:N0} entries of 16 + 100 bytes, each in a process that has done nothing else:").AppendLine()
            .AppendLine("| | KvStore MB | redis-server MB | ratio |").AppendLine("| --- | ---: | ---: | ---: |")
            .AppendLine(CultureInfo.InvariantCulture, $"| empty | {empty[0]:0.0} | {empty[1]:0.0} | |")
            .AppendLine(CultureInfo.InvariantCulture, $"| full | {full[0]:0.0} | {full[1]:0.0} | {full[0] / full[1]:0.00} |").ToString();
    }

    private static double Megabytes(KvTarget server) => ProcessUse.ResidentBytes(server.ProcessId) / 1e6;
}
