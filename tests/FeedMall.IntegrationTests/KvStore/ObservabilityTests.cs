using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>What operators see: /metrics, SLOWLOG, and INFO through a program that was made for Redis.</summary>
public sealed partial class ObservabilityTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Metrics_show_commands_with_their_quantiles_entries_expiries_hits_connections_and_memory()
    {
        await using var host = await KvHost.StartAsync($"--Kv:GovernorUrl={FreePort.NextUrl()}");
        using var client = await RespConnection.OpenAsync(host.Port, Cancel);
        await client.AskAsync(["SET", "a", "text"], Cancel);
        await client.AskAsync(["SET", "b", "text", "PX", "1"], Cancel);
        await client.AskAsync(["SET", "c", "text", "EX", "1000"], Cancel);
        for (var i = 0; i < 20; i++) await client.AskAsync(["GET", "a"], Cancel);
        await client.AskAsync(["GET", "nothing"], Cancel);
        await client.AskAsync(["GET"], Cancel);
        await client.AskAsync(["INCR", "a"], Cancel);
        while (await client.AskAsync(["DBSIZE"], Cancel) != ":2⏎") await Task.Delay(5, Cancel);

        using var http = new HttpClient { BaseAddress = host.Governor };
        var metrics = new Samples(await http.GetStringAsync("/metrics", Cancel));

        Assert.Equal(21, metrics.Value("feedmall_kv_commands_total", "command=\"get\""));
        Assert.Equal(1, metrics.Value("feedmall_kv_commands_rejected_total", "command=\"get\""));
        Assert.Equal(1, metrics.Value("feedmall_kv_commands_failed_total", "command=\"incr\""));
        var buckets = metrics.All("feedmall_kv_command_duration_bucket_total", "command=\"get\"")
            .Select(sample => (Le: double.Parse(LessOrEqual().Match(sample.Labels).Groups[1].Value.Replace("+Inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture), sample.Value))
            .OrderBy(bucket => bucket.Le).ToList();
        Assert.Equal(buckets.Select(bucket => bucket.Value).Order(), buckets.Select(bucket => bucket.Value));
        Assert.Equal((double.PositiveInfinity, 21), buckets[^1]);
        var quantiles = new[] { 0.5, 0.9, 0.95, 0.99 }.Select(share => buckets.First(bucket => bucket.Value >= share * 21).Le).ToList();
        Assert.Equal(quantiles.Order(), quantiles);
        // In the store itself; a second is for a machine that is very busy.
        Assert.All(quantiles, quantile => Assert.InRange(quantile, 1e-7, 1));
        Assert.Equal(2, metrics.Value("feedmall_kv_entries", "db=\"0\""));
        Assert.Equal(1, metrics.Value("feedmall_kv_entries_expiring", "db=\"0\""));
        Assert.Equal(1, metrics.Value("feedmall_kv_expired_total"));
        Assert.Equal(0, metrics.Value("feedmall_kv_evicted_total"));
        Assert.Equal(20, metrics.Value("feedmall_kv_hits_total"));
        Assert.Equal(1, metrics.Value("feedmall_kv_misses_total"));
        Assert.Equal(1, metrics.Value("feedmall_kv_connections"));
        Assert.InRange(metrics.Value("feedmall_kv_lock_waits_total"), 0, 1000);
        Assert.InRange(metrics.Value("feedmall_kv_lock_wait_seconds_total"), 0, 60);
        Assert.InRange(metrics.Value("feedmall_kv_received_bytes_total"), 25 * 20, 1e6);
        Assert.InRange(metrics.Value("feedmall_kv_sent_bytes_total"), 20 * 10, 1e6);
        Assert.InRange(metrics.Value("feedmall_kv_memory_data_bytes"), 100, 1e9);
        Assert.InRange(metrics.Value("feedmall_kv_memory_process_bytes"), 1e6, 1e12);
        Assert.InRange(metrics.Value("dotnet_process_memory_working_set_bytes"), 1e6, 1e12);
        Assert.NotEmpty(metrics.All("dotnet_gc_heap_total_allocated_bytes_total", ""));
    }

    [Fact]
    public async Task Hits_and_misses_are_counted_as_Redis_counts_them()
    {
        await using var host = await KvHost.StartAsync();
        await using var redis = await RedisServer.StartAsync();
        foreach (var line in new[]
        {
            "SET a 1", "GET a", "GET b", "INCR a", "INCR n", "INCRBYFLOAT f 1.5", "APPEND a 1", "SETRANGE a 0 2", "GETSET a 3", "GETSET g 3", "GETDEL g", "GETDEL g", "GETEX a EX 100", "SET a 4 GET", "STRLEN a",
            "GETRANGE a 0 1", "MGET a b", "EXISTS a b", "TTL a", "TTL b", "TYPE a", "HSET h f v", "HGET h f", "HGET b f", "HINCRBY h n 1", "HDEL h f", "SADD s m", "SISMEMBER s m", "SREM s m", "RPUSH l v", "LRANGE l 0 9",
            "LPOP l", "LPOP l", "ZADD z 1 m", "ZSCORE z m", "ZINCRBY z 1 m", "ZRANGE z 0 9", "EXPIRE a 100", "PERSIST a", "SADD s m", "SRANDMEMBER s", "SPOP s", "SPOP s", "RPUSH l v", "LMOVE l k LEFT RIGHT", "RPOP k", "DEL a", "RENAME h i", "SETNX a 1", "MSETNX a 1 b 1",
        })
        {
            Assert.Equal(await CountsAsync(redis.Port, line), await CountsAsync(host.Port, line));
        }
    }

    // What the command was, and hits and misses after it.
    private static async Task<string> CountsAsync(int port, string line)
    {
        using var client = await RespConnection.OpenAsync(port, Cancel);
        await client.AskAsync(line.Split(' '), Cancel);
        var info = (await client.AskAsync(["INFO", "stats"], Cancel)).Split('⏎');
        return string.Join(' ', [line, .. info.Where(text => text.StartsWith("keyspace_", StringComparison.Ordinal)).Order()]);
    }

    [Fact]
    public async Task The_slow_log_keeps_what_took_long()
    {
        await using var host = await KvHost.StartAsync("--Kv:SlowLogEntries=2");
        using var client = await RespConnection.OpenAsync(host.Port, Cancel);
        Assert.Equal(":0⏎", await client.AskAsync(["SLOWLOG", "LEN"], Cancel));
        Assert.Equal("+OK⏎", await client.AskAsync(["CONFIG", "SET", "slowlog-log-slower-than", "0"], Cancel));
        foreach (var pattern in new[] { "first*", "second*", "third*" }) await client.AskAsync(["KEYS", pattern], Cancel);
        Assert.Equal("+OK⏎", await client.AskAsync(["CONFIG", "SET", "slowlog-log-slower-than", "-1"], Cancel));
        var kept = await client.AskAsync(["SLOWLOG", "GET"], Cancel);
        Assert.Equal(":2⏎", await client.AskAsync(["SLOWLOG", "LEN"], Cancel));
        Assert.DoesNotContain("first*", kept, StringComparison.Ordinal);
        Assert.Contains("$4⏎KEYS⏎$6⏎third*⏎", kept, StringComparison.Ordinal);
        Assert.Equal("+OK⏎", await client.AskAsync(["SLOWLOG", "RESET"], Cancel));
        Assert.Equal(":0⏎", await client.AskAsync(["SLOWLOG", "LEN"], Cancel));
    }

    [Fact]
    public async Task The_exporter_that_was_made_for_Redis_reads_it()
    {
        await using var host = await KvHost.StartAsync();
        using var client = await RespConnection.OpenAsync(host.Port, Cancel);
        await client.AskAsync(["SET", "a", "1"], Cancel);
        await client.AskAsync(["SET", "b", "1", "EX", "1000"], Cancel);
        await client.AskAsync(["GET", "a"], Cancel);
        var (address, port) = ($"redis://127.0.0.1:{host.Port}", FreePort.Next());
        using var exporter = Process.Start(new ProcessStartInfo("prometheus-redis-exporter", ["-redis.addr", address, "-web.listen-address", $"127.0.0.1:{port}"])
        {
            RedirectStandardError = true,
        })!;
        try
        {
            // It says when it listens.
            while (await exporter.StandardError.ReadLineAsync(Cancel) is { } line && !line.Contains("Providing metrics", StringComparison.Ordinal)) { }
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            var metrics = new Samples(await ReadAsync(http));
            Assert.Equal(1, metrics.Value("redis_up"));
            Assert.Equal(0, metrics.All("redis_exporter_last_scrape_error", "").Sum(sample => sample.Value));
            Assert.Equal(2, metrics.Value("redis_db_keys", "db=\"db0\""));
            Assert.Equal(1, metrics.Value("redis_db_keys_expiring", "db=\"db0\""));
            Assert.Equal(2, metrics.Value("redis_commands_total", "cmd=\"set\""));
            Assert.Equal(1, metrics.Value("redis_keyspace_hits_total"));
            Assert.InRange(metrics.Value("redis_memory_used_bytes"), 100, 1e9);
            Assert.InRange(metrics.Value("redis_connected_clients"), 1, 10);
            Assert.InRange(metrics.Value("redis_net_input_bytes_total"), 50, 1e6);
        }
        finally
        {
            exporter.Kill();
            await exporter.WaitForExitAsync(CancellationToken.None);
        }
    }

    // It says that it listens a moment before it does.
    private static async Task<string> ReadAsync(HttpClient http)
    {
        while (true)
        {
            try
            {
                return await http.GetStringAsync("/metrics", Cancel);
            }
            catch (HttpRequestException notYet) when (notYet.HttpRequestError == HttpRequestError.ConnectionError)
            {
                await Task.Delay(20, Cancel);
            }
        }
    }

    /// <summary>A page in Prometheus' text format.</summary>
    private sealed class Samples(string page)
    {
        private readonly List<(string Name, string Labels, double Value)> _all =
            [.. Sample().Matches(page).Select(match => (match.Groups[1].Value, match.Groups[2].Value, double.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture)))];

        public IEnumerable<(string Labels, double Value)> All(string name, string label) =>
            _all.Where(sample => sample.Name == name && sample.Labels.Contains(label, StringComparison.Ordinal)).Select(sample => (sample.Labels, sample.Value));

        public double Value(string name, string label = "")
        {
            var found = All(name, label).ToList();
            return found.Count == 1 ? found[0].Value : throw new InvalidDataException($"{found.Count} samples of {name} {{{label}}}; of the same beginning: {string.Join(", ", _all.Where(sample => sample.Name.StartsWith(name[..Math.Min(name.Length, 18)], StringComparison.Ordinal)).Select(sample => sample.Name).Distinct())}");
        }
    }

    [GeneratedRegex(@"^([a-z_:]+)(?:\{([^}]*)\})? (\S+)", RegexOptions.Multiline)]
    private static partial Regex Sample();

    [GeneratedRegex("le=\"([^\"]+)\"")]
    private static partial Regex LessOrEqual();
}
