using System.Globalization;
using System.Text;
using FeedMall.Testing.Mixes;

namespace FeedMall.Benchmarks.Kv;

/// <summary>The four mixes at low and high load, every answer checked by the user who gets it.</summary>
internal static class KvMixes
{
    public static async Task<string> MeasureAsync(KvPlan plan)
    {
        var text = new StringBuilder()
            .AppendLine("## Mixes").AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"Users with 1, 10, 100 or 1,000 keys of 16 to 136 bytes each, values from 1 byte to 16 KiB, {plan.Duration.TotalSeconds:0} s for each row. Low: 10 users who wait 10 ms")
            .AppendLine("between two commands; high: 100 users who wait for their answers only. Each user checks every answer against what it has written itself. Latencies")
            .AppendLine("in ms, as p50 / p90 / p95 / p99.").AppendLine()
            .AppendLine("| mix | GET, SET, EXPIRE % | load | server | ops/s | GET | SET | EXPIRE |")
            .AppendLine("| --- | --- | --- | --- | ---: | --- | --- | --- |");
        await using var servers = await KvServers.StartAsync();
        foreach (var server in servers.All) await MixRun.RunAsync(server.Port, Mix.All[0], MixLoad.High(TimeSpan.FromSeconds(1)), CancellationToken.None);
        foreach (var mix in Mix.All)
        {
            foreach (var load in new[] { MixLoad.Low(plan.Duration), MixLoad.High(plan.Duration) })
            {
                foreach (var server in servers.All)
                {
                    var result = await MixRun.RunAsync(server.Port, mix, load, CancellationToken.None);
                    text.AppendLine(CultureInfo.InvariantCulture,
                        $"| {mix.Name} | {mix.Gets}, {mix.Sets}, {mix.Expires} | {load.Name} | {server.Name} | {result.Commands / result.Elapsed.TotalSeconds:N0} | {Cells(result, "GET")} | {Cells(result, "SET")} | {Cells(result, "EXPIRE")} |");
                }
            }
        }
        return text.ToString();
    }

    private static string Cells(MixResult result, string command) =>
        string.Join(" / ", new[] { 0.5, 0.9, 0.95, 0.99 }.Select(share => result.Percentile(command, share).TotalMilliseconds.ToString("0.00", CultureInfo.InvariantCulture)));
}
