using System.Net;
using Microsoft.Extensions.Options;

namespace FeedMall.KvStore;

/// <summary>The key-value server. What CONFIG SET can change is changed until the next start only.</summary>
public sealed class KvOptions
{
    /// <summary>The settings section.</summary>
    public const string Section = "Kv";

    /// <summary>The port for RESP. Default 6380; 0 takes a free one.</summary>
    public int Port { get; set; } = 6380;

    /// <summary>The address of this machine that it listens on. Default 127.0.0.1; 0.0.0.0 for all, with a password.</summary>
    public string BindAddress { get; set; } = "127.0.0.1";

    /// <summary>Whether clients must speak TLS; CertificatePath and CertificateKeyPath name the PEM files. Default false.</summary>
    public bool Tls { get; set; }

    /// <summary>What AUTH must say (requirepass). Default: none is needed.</summary>
    public string? Password { get; set; }

    /// <summary>Bytes of data (maxmemory). Default 0: no limit.</summary>
    public long MaxMemoryBytes { get; set; }

    /// <summary>What goes when memory is full (maxmemory-policy), by Redis' names. Default noeviction.</summary>
    public string EvictionPolicy { get; set; } = "noeviction";

    /// <summary>How many entries each eviction compares (maxmemory-samples). Default 5; 1 to 64.</summary>
    public int EvictionSamples { get; set; } = 5;

    /// <summary>Connections at a time (maxclients). Default 10,000.</summary>
    public int MaxClients { get; set; } = 10_000;

    /// <summary>A connection that sends nothing for this long is closed (timeout). Default 0: never. Whole seconds, at most a day.</summary>
    public TimeSpan IdleTimeout { get; set; }

    /// <summary>How long a reply may take to be sent before the connection is closed. Default 1 minute; 1 s to 1 h.</summary>
    public TimeSpan SendTimeout { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a TLS handshake may take. Default 10 s; 0.1 s to 1 minute.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The largest argument in bytes (proto-max-bulk-len). Default 64 MiB; 1 KiB to 512 MiB.</summary>
    public int MaxBulkBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>Arguments of one command. Default 1,048,576; 1,024 to 16,777,216.</summary>
    public int MaxArguments { get; set; } = 1024 * 1024;

    /// <summary>Bytes of one command, and so of a connection's input (client-query-buffer-limit). Default 128 MiB.</summary>
    public long MaxRequestBytes { get; set; } = 128 * 1024 * 1024;

    /// <summary>Bytes of replies that may wait for a slow reader (client-output-buffer-limit). Default 256 MiB.</summary>
    public long MaxReplyBytes { get; set; } = 256 * 1024 * 1024;

    /// <summary>Bytes of messages and replies that may wait for a subscriber (client-output-buffer-limit pubsub). Default 32 MiB.</summary>
    public long MaxSubscriberBytes { get; set; } = 32 * 1024 * 1024;

    /// <summary>Bytes of all clients' buffers together (maxmemory-clients): over it the clients with the largest are closed. Default 1 GiB; 0: no limit.</summary>
    public long MaxClientsBytes { get; set; } = 1 << 30;

    /// <summary>Commands that take longer, in microseconds, are kept for SLOWLOG (slowlog-log-slower-than). Default 10,000; -1: none.</summary>
    public long SlowLogMicroseconds { get; set; } = 10_000;

    /// <summary>How many of them are kept (slowlog-max-len). Default 128; 0 to 10,000.</summary>
    public int SlowLogEntries { get; set; } = 128;

    /// <summary>Whether changes are written to an append-only file in DataDirectory/kv and read back at the start (appendonly). Default false.</summary>
    public bool AppendOnly { get; set; }

    /// <summary>When they are flushed to the disk (appendfsync): always, everysec or no. Default everysec.</summary>
    public string AppendSync { get; set; } = "everysec";

    /// <summary>The file is not written anew while it is smaller, in bytes (auto-aof-rewrite-min-size). Default 64 MiB.</summary>
    public long AppendRewriteMinBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>It is written anew when it has grown by so many percent since (auto-aof-rewrite-percentage). Default 100; 0: only when BGREWRITEAOF says so.</summary>
    public int AppendRewritePercent { get; set; } = 100;

    /// <summary>Changes that may wait for the disk, in bytes; who makes more waits for it. Default 64 MiB; 64 KiB to 1 GiB.</summary>
    public int AppendBufferBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>The port of the loopback interface for the toy's line protocol, which knows neither passwords nor TLS. Default 0: it is not spoken.</summary>
    public int ToyPort { get; set; }

    /// <summary>Whether it is answered byte for byte as the toy did: no line ends, nothing after SET. Default false.</summary>
    public bool ToyLegacyExact { get; set; }
}

/// <summary>Refuses a start with a value out of its range, naming the key.</summary>
internal sealed class KvOptionsValidator : IValidateOptions<KvOptions>
{
    private const long MinRequestBytes = 64 * 1024;

    public ValidateOptionsResult Validate(string? name, KvOptions options)
    {
        var errors = new List<string>();
        void Check(bool holds, string key, string range)
        {
            if (!holds) errors.Add($"{KvOptions.Section}:{key} must be {range}.");
        }

        Check(options.Port is >= 0 and <= 65_535, nameof(options.Port), "a port, or 0 for a free one");
        Check(IPAddress.TryParse(options.BindAddress, out _), nameof(options.BindAddress), "an IP address of this machine");
        Check(options.MaxMemoryBytes >= 0, nameof(options.MaxMemoryBytes), "0 (no limit) or a number of bytes");
        Check(LiveSettings.TryParsePolicy(options.EvictionPolicy, out _), nameof(options.EvictionPolicy), "one of " + LiveSettings.PolicyNames);
        Check(options.EvictionSamples is >= 1 and <= 64, nameof(options.EvictionSamples), "from 1 to 64");
        Check(options.MaxClients is >= 1 and <= 1_000_000, nameof(options.MaxClients), "from 1 to 1,000,000");
        Check(options.IdleTimeout >= TimeSpan.Zero && options.IdleTimeout <= TimeSpan.FromDays(1), nameof(options.IdleTimeout), "from 00:00:00 (never) to a day");
        Check(options.SendTimeout >= TimeSpan.FromSeconds(1) && options.SendTimeout <= TimeSpan.FromHours(1), nameof(options.SendTimeout), "from 00:00:01 to 01:00:00");
        Check(options.HandshakeTimeout >= TimeSpan.FromMilliseconds(100) && options.HandshakeTimeout <= TimeSpan.FromMinutes(1), nameof(options.HandshakeTimeout), "from 00:00:00.1 to 00:01:00");
        Check(options.MaxBulkBytes is >= 1024 and <= 512 * 1024 * 1024, nameof(options.MaxBulkBytes), "from 1,024 to 536,870,912");
        Check(options.MaxArguments is >= 1024 and <= 16 * 1024 * 1024, nameof(options.MaxArguments), "from 1,024 to 16,777,216");
        Check(options.MaxRequestBytes is >= MinRequestBytes and <= 1L << 30, nameof(options.MaxRequestBytes), "from 65,536 to 1,073,741,824");
        Check(options.MaxReplyBytes is >= MinRequestBytes and <= int.MaxValue, nameof(options.MaxReplyBytes), "from 65,536 to 2,147,483,647");
        Check(options.MaxSubscriberBytes is >= MinRequestBytes and <= int.MaxValue, nameof(options.MaxSubscriberBytes), "from 65,536 to 2,147,483,647");
        Check(options.MaxClientsBytes == 0 || options.MaxClientsBytes >= MinRequestBytes, nameof(options.MaxClientsBytes), "0 (no limit) or at least 65,536");
        Check(options.SlowLogMicroseconds >= -1, nameof(options.SlowLogMicroseconds), "-1 (none) or a number of microseconds");
        Check(options.SlowLogEntries is >= 0 and <= 10_000, nameof(options.SlowLogEntries), "from 0 to 10,000");
        Check(LiveSettings.TryParseSync(options.AppendSync, out _), nameof(options.AppendSync), "always, everysec or no");
        Check(options.AppendRewriteMinBytes >= 0, nameof(options.AppendRewriteMinBytes), "a number of bytes");
        Check(options.AppendRewritePercent is >= 0 and <= 10_000, nameof(options.AppendRewritePercent), "from 0 (never) to 10,000");
        Check(options.AppendBufferBytes is >= 64 * 1024 and <= 1 << 30, nameof(options.AppendBufferBytes), "from 65,536 to 1,073,741,824");
        Check(options.ToyPort is >= 0 and <= 65_535 && (options.ToyPort == 0 || options.ToyPort != options.Port), nameof(options.ToyPort), "a port other than Kv:Port, or 0 for none");
        Check(options.ToyPort == 0 || (string.IsNullOrEmpty(options.Password) && !options.Tls), nameof(options.ToyPort), "0 (none) with Kv:Password or Kv:Tls: the toy protocol has neither");
        return errors.Count > 0 ? ValidateOptionsResult.Fail(errors) : ValidateOptionsResult.Success;
    }
}
