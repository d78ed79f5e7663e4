using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FeedMall.Testing.Hostile;

namespace FeedMall.Benchmarks.Kv;

/// <summary>Many entries whose time comes at the same moment: how long until they are gone, and what another client notices.</summary>
internal static class KvExpiry
{
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_after = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    public static async Task<string> MeasureAsync(KvPlan plan)
    {
        var text = new StringBuilder()
            .AppendLine("## Expiry").AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"{plan.Entries:N0} entries with one and the same time (PXAT). Another client sends PING all the while, with a millisecond between two: its latencies before that")
            .AppendLine("time, while nothing happens, and from that time on until all entries are gone.").AppendLine()
            .AppendLine("| server | all gone after ms | PING before: p50 ms | p99 ms | longest ms | PING during: p50 ms | p99 ms | longest ms |")
            .AppendLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        await using var servers = await KvServers.StartAsync();
        foreach (var server in servers.All) text.AppendLine(await MeasureAsync(server, plan));
        return text.ToString();
    }

    private static async Task<string> MeasureAsync(KvTarget server, KvPlan plan)
    {
        // Filling takes less than two seconds per 100,000.
        var expireAt = DateTimeOffset.UtcNow + s_idle + TimeSpan.FromSeconds(2 + plan.Entries / 50_000.0);
        await KvServers.FillAsync(server, plan.Entries, FormattableString.Invariant($"PXAT {expireAt.ToUnixTimeMilliseconds()}"));
        var idleAt = expireAt - s_idle;
        if (DateTimeOffset.UtcNow > idleAt) throw new InvalidOperationException("Filling took too long for this measurement: use --entries with less.");
        await Task.Delay(idleAt - DateTimeOffset.UtcNow);
        var before = await PingUntilAsync(server, Task.Delay(expireAt - DateTimeOffset.UtcNow));
        var gone = GoneAsync(server, expireAt);
        var during = await PingUntilAsync(server, gone);
        var took = await gone;
        return string.Create(CultureInfo.InvariantCulture, $"| {server.Name} | {took.TotalMilliseconds:N0} | {Figures(before)} | {Figures(during)} |");
    }

    private static async Task<TimeSpan> GoneAsync(KvTarget server, DateTimeOffset expireAt)
    {
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, server.Port);
        while (await KvServers.EntriesAsync(client) > 0)
        {
            if (DateTimeOffset.UtcNow > expireAt + s_patience) throw new InvalidOperationException($"{server.Name} still has entries whose time has come.");
            await Task.Delay(5);
        }
        var took = DateTimeOffset.UtcNow - expireAt;
        await Task.Delay(s_after);
        return took;
    }

    private static async Task<IReadOnlyList<TimeSpan>> PingUntilAsync(KvTarget server, Task moment)
    {
        using var end = new CancellationTokenSource();
        var pings = Task.Run(() => Witness.PingAsync(server.Port, end.Token, CancellationToken.None));
        await moment;
        await end.CancelAsync();
        return await pings;
    }

    /// <summary>p50, p99 and the longest, in ms, as cells.</summary>
    public static string Figures(IReadOnlyList<TimeSpan> sorted) => string.Create(CultureInfo.InvariantCulture,
        $"{sorted[sorted.Count / 2].TotalMilliseconds:0.00} | {sorted[sorted.Count * 99 / 100].TotalMilliseconds:0.00} | {sorted[^1].TotalMilliseconds:0.00}");
}
