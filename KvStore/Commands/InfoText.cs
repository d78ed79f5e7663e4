using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace FeedMall.KvStore.Commands;

/// <summary>INFO: sections of "name:value" lines under the names that redis-cli, clients and exporters know.</summary>
internal static class InfoText
{
    private static readonly string[] s_default = ["server", "clients", "memory", "persistence", "stats", "replication", "cpu", "errorstats", "cluster", "keyspace"];
    private static readonly double[] s_percentiles = [50, 99, 99.9];
    private static readonly string[] s_all = [.. s_default, "commandstats", "latencystats"];

    /// <summary>The sections that are asked for; none: the usual ones.</summary>
    public static string Render(KvEngine engine, IReadOnlySet<string> sections)
    {
        var wanted = sections.Count == 0 || sections.Contains("default") ? s_default.Concat(sections) : sections;
        if (sections.Contains("all") || sections.Contains("everything")) wanted = s_all;
        var known = wanted.Select(name => name.ToLowerInvariant()).ToHashSet();
        return string.Join("\r\n", s_all.Where(known.Contains).Select(name => Section(engine, name)));
    }

    private static string Section(KvEngine engine, string name)
    {
        var title = name switch { "cpu" => "CPU", "errorstats" => "Errorstats", _ => char.ToUpperInvariant(name[0]) + name[1..] };
        var text = new StringBuilder("# ").Append(title).Append("\r\n");
        foreach (var (key, value) in Lines(engine, name)) text.Append(key).Append(':').Append(Convert.ToString(value, CultureInfo.InvariantCulture)).Append("\r\n");
        return text.ToString();
    }

    private static IEnumerable<(string Key, object Value)> Lines(KvEngine engine, string section) => section switch
    {
        "server" => Server(engine),
        "clients" => Clients(engine),
        "memory" => Memory(engine),
        "persistence" => Persistence(engine),
        "stats" => Stats(engine),
        "replication" => [("role", "master"), ("connected_slaves", 0), ("master_failover_state", "no-failover"), ("master_replid", engine.RunId), ("master_repl_offset", 0)],
        "cpu" => Cpu(),
        "errorstats" => [("total_error_replies", engine.Traffic.ErrorReplies)],
        "cluster" => [("cluster_enabled", 0)],
        "keyspace" => Databases(engine),
        "commandstats" => CommandStats(engine),
        _ => LatencyStats(engine),
    };

    private static IEnumerable<(string, object)> Server(KvEngine engine) =>
    [
        ("redis_version", ConnectionCommands.RedisVersion), ("redis_git_sha1", "00000000"), ("redis_git_dirty", 0), ("redis_build_id", "feedmall-kv"),
        ("redis_mode", "standalone"), ("os", RuntimeInformation.OSDescription), ("arch_bits", 64), ("multiplexing_api", "dotnet"),
        ("process_id", Environment.ProcessId), ("run_id", engine.RunId), ("tcp_port", engine.Port),
        ("server_time_usec", (engine.Clock.WallClock.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / TimeSpan.TicksPerMicrosecond),
        ("uptime_in_seconds", engine.Clock.ElapsedMs / 1000), ("uptime_in_days", engine.Clock.ElapsedMs / 86_400_000), ("hz", 50),
    ];

    private static IEnumerable<(string, object)> Clients(KvEngine engine) =>
    [
        ("connected_clients", engine.Clients.Count), ("cluster_connections", 0), ("maxclients", engine.Settings.MaxClients), ("blocked_clients", 0),
    ];

    private static IEnumerable<(string, object)> Memory(KvEngine engine)
    {
        var (taken, process) = (engine.Keyspace.TakenBytes, Environment.WorkingSet);
        var buffers = engine.Clients.All.Sum(client => client.BufferBytes);
        return
        [
            ("used_memory", taken + buffers), ("used_memory_human", Human(taken + buffers)), ("used_memory_rss", process), ("used_memory_rss_human", Human(process)),
            ("used_memory_dataset", engine.Keyspace.UsedBytes), ("mem_clients_normal", buffers), ("used_memory_pages", engine.Keyspace.Slabs.PageTotalBytes),
            ("used_memory_index", engine.Keyspace.Used.Sum(database => database.IndexBytes)), ("used_memory_expiries", engine.Keyspace.Wheel.Bytes),
            ("maxmemory", engine.Settings.MaxMemoryBytes), ("maxmemory_human", Human(engine.Settings.MaxMemoryBytes)), ("maxmemory_policy", LiveSettings.Name(engine.Settings.Policy)),
            ("mem_fragmentation_ratio", Math.Round(process / (double)Math.Max(taken + buffers, 1), 2)), ("mem_allocator", "slabs"), ("gc_heap_bytes", GC.GetTotalMemory(forceFullCollection: false)),
        ];
    }

    private static IEnumerable<(string, object)> Persistence(KvEngine engine)
    {
        var (append, journal) = (engine.Append, engine.Keyspace.Journal);
        yield return ("loading", 0);
        yield return ("rdb_changes_since_last_save", engine.Keyspace.Changes);
        yield return ("rdb_bgsave_in_progress", 0);
        yield return ("aof_enabled", engine.Settings.Start.AppendOnly ? 1 : 0);
        yield return ("aof_rewrite_in_progress", append.IsRewriting ? 1 : 0);
        yield return ("aof_last_rewrite_time_sec", append.LastRewriteSeconds);
        yield return ("aof_last_bgrewrite_status", append.LastRewriteFailed ? "err" : "ok");
        yield return ("aof_rewrites", append.Rewrites);
        yield return ("aof_last_write_status", journal?.Failure is null ? "ok" : "err");
        if (journal is null) yield break;
        yield return ("aof_current_size", append.TotalBytes);
        yield return ("aof_base_size", append.BaseBytes);
        yield return ("aof_buffer_length", journal.PendingBytes);
        yield return ("aof_fsyncs", append.Syncs);
        yield return ("aof_last_load_seconds", append.LoadSeconds);
    }

    private static IEnumerable<(string, object)> Stats(KvEngine engine)
    {
        var (traffic, keys) = (engine.Traffic, engine.Keyspace);
        return
        [
            ("total_connections_received", traffic.Accepted), ("total_commands_processed", traffic.Commands), ("total_net_input_bytes", traffic.BytesIn),
            ("total_net_output_bytes", traffic.BytesOut), ("rejected_connections", traffic.Refused), ("evicted_clients", traffic.Dropped), ("expired_keys", keys.Expired), ("evicted_keys", keys.Evicted),
            ("keyspace_hits", keys.Hits), ("keyspace_misses", keys.Misses), ("pubsub_channels", engine.PubSub.Channels.Count), ("pubsub_patterns", engine.PubSub.Patterns), ("total_error_replies", traffic.ErrorReplies),
            ("lock_waits", traffic.LockWaits), ("lock_wait_usec", (long)traffic.LockWaitMicroseconds),
        ];
    }

    private static IEnumerable<(string, object)> Cpu()
    {
        var usage = Environment.CpuUsage;
        return [("used_cpu_sys", usage.PrivilegedTime.TotalSeconds), ("used_cpu_user", usage.UserTime.TotalSeconds)];
    }

    private static IEnumerable<(string, object)> Databases(KvEngine engine) => engine.Keyspace.Used.Where(database => database.Count > 0).Select(database =>
        ($"db{database.Number}", (object)string.Create(CultureInfo.InvariantCulture, $"keys={database.Count},expires={database.Expiring},avg_ttl=0")));

    private static IEnumerable<(string, object)> CommandStats(KvEngine engine) =>
        from command in engine.Commands.All
        let statistics = command.Statistics
        where statistics.Calls + statistics.Rejected > 0
        select ($"cmdstat_{command.Name}", (object)string.Create(CultureInfo.InvariantCulture,
            $"calls={statistics.Calls},usec={statistics.Microseconds:0},usec_per_call={statistics.Microseconds / Math.Max(statistics.Calls, 1):0.00},rejected_calls={statistics.Rejected},failed_calls={statistics.Failed}"));

    private static IEnumerable<(string, object)> LatencyStats(KvEngine engine) =>
        from command in engine.Commands.All
        where command.Statistics.Calls > 0
        select ($"latency_percentiles_usec_{command.Name}", (object)string.Join(',', s_percentiles.Select(percent =>
            string.Create(CultureInfo.InvariantCulture, $"p{percent}={command.Statistics.Percentile(percent):0.000}"))));

    private static string Human(long bytes)
    {
        string[] units = ["B", "K", "M", "G", "T"];
        var (size, unit) = ((double)bytes, 0);
        for (; size >= 1024 && unit < units.Length - 1; unit++) size /= 1024;
        return unit == 0 ? string.Create(CultureInfo.InvariantCulture, $"{bytes}B") : string.Create(CultureInfo.InvariantCulture, $"{size:0.00}{units[unit]}");
    }
}
