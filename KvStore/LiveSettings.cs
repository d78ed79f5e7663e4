using System.Text;
using FeedMall.KvStore.Data;
using FeedMall.KvStore.Persistence;
using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore;

/// <summary>The settings as they are now: options at the start, then what CONFIG SET has changed.</summary>
internal sealed class LiveSettings(KvOptions options)
{
    private static readonly string[] s_policies =
        ["noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"];

    /// <summary>All policies, for messages.</summary>
    public static string PolicyNames => string.Join(", ", s_policies);

    public KvOptions Start => options;

    public byte[] Password { get; set; } = Encoding.UTF8.GetBytes(options.Password ?? "");

    public long MaxMemoryBytes { get; set; } = options.MaxMemoryBytes;

    public EvictionPolicy Policy { get; set; } = TryParsePolicy(options.EvictionPolicy, out var policy) ? policy : EvictionPolicy.NoEviction;

    public int EvictionSamples { get; set; } = options.EvictionSamples;

    public int MaxClients { get; set; } = options.MaxClients;

    public long MaxClientsBytes { get; set; } = options.MaxClientsBytes;

    public long IdleTimeoutSeconds { get; set; } = (long)options.IdleTimeout.TotalSeconds;

    public RequestLimits Limits { get; } = new() { MaxBulkBytes = options.MaxBulkBytes, MaxArguments = options.MaxArguments, MaxRequestBytes = options.MaxRequestBytes };

    public SyncPolicy AppendSync { get; set; } = TryParseSync(options.AppendSync, out var sync) ? sync : SyncPolicy.EverySecond;

    public long AppendRewriteMinBytes { get; set; } = options.AppendRewriteMinBytes;

    public int AppendRewritePercent { get; set; } = options.AppendRewritePercent;

    public long SlowLogMicroseconds { get; set; } = options.SlowLogMicroseconds;

    public int SlowLogEntries { get; set; } = options.SlowLogEntries;

    public static string Name(EvictionPolicy policy) => s_policies[(int)policy];

    public static string Name(SyncPolicy sync) => sync.ToString().ToLowerInvariant().Replace("second", "sec", StringComparison.Ordinal);

    public static bool TryParseSync(string name, out SyncPolicy sync)
    {
        foreach (var known in Enum.GetValues<SyncPolicy>())
        {
            sync = known;
            if (Name(known).Equals(name, StringComparison.OrdinalIgnoreCase)) return true;
        }
        sync = default;
        return false;
    }

    public static bool TryParsePolicy(string name, out EvictionPolicy policy)
    {
        var at = Array.FindIndex(s_policies, known => known.Equals(name, StringComparison.OrdinalIgnoreCase));
        policy = (EvictionPolicy)Math.Max(at, 0);
        return at >= 0;
    }
}
