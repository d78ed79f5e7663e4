using System.Globalization;
using System.Text;

namespace FeedMall.Benchmarks.Kv;

/// <summary>What the append-only file costs, with the same policy on both sides.</summary>
internal static class KvAppend
{
    public static async Task<string> MeasureAsync(KvPlan plan)
    {
        var text = new StringBuilder("## SET with an append-only file\n\nThe same load; both servers write to the same disk, in turns. \"none\": without a file.\n\n")
            .AppendLine("| flushed | -P | KvStore ops/s | redis-server ops/s | ratio | KvStore CPU s per million | redis-server CPU s per million |")
            .AppendLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var sync in new[] { null, "no", "everysec", "always" })
        {
            await using var servers = await KvServers.StartAsync(sync);
            foreach (var pipeline in new[] { 1, 16 })
            {
                var runs = await servers.CompareAsync("set", pipeline, plan);
                text.AppendLine(CultureInfo.InvariantCulture,
                    $"| {sync ?? "none"} | {pipeline} | {runs[0].Rate:N0} | {runs[1].Rate:N0} | {runs[0].Rate / runs[1].Rate:0.00} | {runs[0].Cpu:0.00} | {runs[1].Cpu:0.00} |");
            }
        }
        return text.ToString();
    }
}
