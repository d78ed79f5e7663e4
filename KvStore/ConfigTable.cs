using System.Globalization;
using System.Text;
using FeedMall.KvStore.Data;

namespace FeedMall.KvStore;

/// <summary>A setting under Redis' name.</summary>
/// <param name="Name">In lower case.</param>
/// <param name="Get">Its value as CONFIG GET says it.</param>
/// <param name="Prepare">Checks a new value and returns what makes it so; null when it is wrong. No function: it cannot be changed.</param>
internal sealed record ConfigEntry(string Name, Func<string> Get, Func<string, Action?>? Prepare = null);

/// <summary>The settings that CONFIG knows: those of ours that Redis has too, and a few that clients ask for.</summary>
internal sealed class ConfigTable(KvEngine engine)
{
    public IReadOnlyList<ConfigEntry> All { get; } =
    [
        new("maxmemory", () => Text(engine.Settings.MaxMemoryBytes), value => TryBytes(value, 0, long.MaxValue, out var bytes) ? () => engine.Settings.MaxMemoryBytes = bytes : null),
        new("maxmemory-policy", () => LiveSettings.Name(engine.Settings.Policy), value => LiveSettings.TryParsePolicy(value, out var policy) ? () => SetPolicy(engine, policy) : null),
        Number("maxmemory-samples", () => engine.Settings.EvictionSamples, 1, 64, value => engine.Settings.EvictionSamples = (int)value),
        Number("maxclients", () => engine.Settings.MaxClients, 1, 1_000_000, value => engine.Settings.MaxClients = (int)value),
        new("maxmemory-clients", () => Text(engine.Settings.MaxClientsBytes),
            value => TryBytes(value, 0, long.MaxValue, out var bytes) && bytes is 0 or >= 64 << 10 ? () => engine.Settings.MaxClientsBytes = bytes : null),
        Number("timeout", () => engine.Settings.IdleTimeoutSeconds, 0, 86_400, value => engine.Settings.IdleTimeoutSeconds = value),
        new("proto-max-bulk-len", () => Text(engine.Settings.Limits.MaxBulkBytes),
            value => TryBytes(value, 1024, 512 << 20, out var bytes) ? () => engine.Settings.Limits.MaxBulkBytes = (int)bytes : null),
        new("client-query-buffer-limit", () => Text(engine.Settings.Limits.MaxRequestBytes),
            value => TryBytes(value, 64 << 10, 1 << 30, out var bytes) ? () => engine.Settings.Limits.MaxRequestBytes = bytes : null),
        Number("slowlog-log-slower-than", () => engine.Settings.SlowLogMicroseconds, -1, long.MaxValue, value => engine.Settings.SlowLogMicroseconds = value),
        Number("slowlog-max-len", () => engine.Settings.SlowLogEntries, 0, 10_000, value => engine.Settings.SlowLogEntries = (int)value),
        new("requirepass", () => Encoding.UTF8.GetString(engine.Settings.Password), value => () => engine.Settings.Password = Encoding.UTF8.GetBytes(value)),
        new("databases", () => Text(Keyspace.DatabaseCount)),
        new("port", () => Text(engine.Port)),
        new("bind", () => engine.Settings.Start.BindAddress),
        new("save", () => ""),
        new("appendonly", () => engine.Settings.Start.AppendOnly ? "yes" : "no"),
        new("appendfsync", () => LiveSettings.Name(engine.Settings.AppendSync), value => LiveSettings.TryParseSync(value, out var sync) ? () => engine.Settings.AppendSync = sync : null),
        Number("auto-aof-rewrite-percentage", () => engine.Settings.AppendRewritePercent, 0, 10_000, value => engine.Settings.AppendRewritePercent = (int)value),
        new("auto-aof-rewrite-min-size", () => Text(engine.Settings.AppendRewriteMinBytes),
            value => TryBytes(value, 0, long.MaxValue, out var bytes) ? () => engine.Settings.AppendRewriteMinBytes = bytes : null),
        new("slave-read-only", () => "yes"),
        new("replica-read-only", () => "yes"),
        new("cluster-enabled", () => "no"),
        new("tcp-keepalive", () => "300"),
    ];

    private static ConfigEntry Number(string name, Func<long> get, long least, long most, Action<long> set) => new(name, () => Text(get()),
        text => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most ? () => set(value) : null);

    private static void SetPolicy(KvEngine engine, EvictionPolicy policy)
    {
        engine.Settings.Policy = policy;
        engine.Keyspace.Access.CountsUses = policy is EvictionPolicy.AllKeysLfu or EvictionPolicy.VolatileLfu;
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    // A number with a unit: b, k (1000), kb (1024), m, mb, g, gb.
    private static bool TryBytes(string text, long least, long most, out long bytes)
    {
        bytes = 0;
        var digits = text.TrimEnd("bkmgBKMG".ToCharArray());
        var unit = text[digits.Length..].ToLowerInvariant() switch { "" or "b" => 1L, "k" => 1000, "kb" => 1 << 10, "m" => 1_000_000, "mb" => 1 << 20, "g" => 1_000_000_000, "gb" => 1 << 30, _ => 0 };
        if (unit == 0 || !long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > most / unit) return false;
        bytes = number * unit;
        return bytes >= least;
    }
}
