using System.Globalization;
using Microsoft.Extensions.Options;

namespace FeedMall.ServiceDefaults.KeyValue;

/// <summary>The key-value store of a service: our KvStore, Redis or Valkey. Read at the start.</summary>
public sealed class KeyValueOptions
{
    /// <summary>The section inside that of the service; "{Service}" is the placeholder that the documentation uses.</summary>
    public const string Section = "{Service}:Cache";

    /// <summary>Whether it is used at all. Default true.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>host:port, several parted by commas: the nodes of one cluster. Default 127.0.0.1:6380.</summary>
    public string Addresses { get; set; } = "127.0.0.1:6380";

    /// <summary>What AUTH says. Default: nothing.</summary>
    public string? Password { get; set; }

    /// <summary>Whether to speak TLS. Default false.</summary>
    public bool Tls { get; set; }

    /// <summary>PEM file with the authorities that may have signed the store's certificate. Default: those of the system.</summary>
    public string? TlsAuthoritiesPath { get; set; }

    /// <summary>The number of the database. Default 0; 0 to 1,000.</summary>
    public int Database { get; set; }

    /// <summary>How long one attempt to connect may take. Default 1 s; 50 ms to 1 minute.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a request waits for the store, unless it has less time left itself. Default 30 ms; 1 ms to 10 s.</summary>
    public TimeSpan OperationTimeout { get; set; } = TimeSpan.FromMilliseconds(30);

    /// <summary>Commands that may wait for their answers; further ones are not sent. Default 2,000; 1 to 100,000.</summary>
    public int MaxOutstanding { get; set; } = 2_000;

    /// <summary>How long a value is kept. It is also how long a reader in another process can see an old one if the store was lost right after a write. Default 5 minutes; 1 s to 7 days.</summary>
    public TimeSpan TimeToLive { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long it is kept that there is no such thing. Default 10 s; 1 s to 1 hour.</summary>
    public TimeSpan AbsentTimeToLive { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Times to live are spread by this share to either side, so that what was filled together does not expire together. Default 0.1; 0 to 0.5.</summary>
    public double Jitter { get; set; } = 0.1;

    /// <summary>The addresses, one by one.</summary>
    /// <exception cref="FormatException">One is no host:port.</exception>
    internal IReadOnlyList<(string Host, int Port)> ParseAddresses() =>
        [.. Addresses.Split(',', StringSplitOptions.TrimEntries).Select(Parse)];

    private static (string Host, int Port) Parse(string address)
    {
        var colon = address.LastIndexOf(':');
        var host = colon > 0 ? address[..colon].Trim('[', ']') : "";
        if (Uri.CheckHostName(host) == UriHostNameType.Unknown
            || !int.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65_535)
            throw new FormatException();
        return (host, port);
    }
}

/// <summary>Refuses a start with a value out of its range, naming the key.</summary>
internal sealed class KeyValueOptionsValidator(ServiceIdentity identity) : IValidateOptions<KeyValueOptions>
{
    public ValidateOptionsResult Validate(string? name, KeyValueOptions options)
    {
        var errors = new List<string>();
        void Check(bool holds, string key, string range)
        {
            if (!holds) errors.Add($"{identity.Section}:Cache:{key} must be {range}.");
        }

        Check(HasAddresses(options), nameof(options.Addresses), "host:port, several parted by commas");
        Check(options.TlsAuthoritiesPath is null || File.Exists(options.TlsAuthoritiesPath), nameof(options.TlsAuthoritiesPath), "a PEM file");
        Check(options.Database is >= 0 and <= 1_000, nameof(options.Database), "from 0 to 1,000");
        Check(Within(options.ConnectTimeout, TimeSpan.FromMilliseconds(50), TimeSpan.FromMinutes(1)), nameof(options.ConnectTimeout), "from 00:00:00.050 to 00:01:00");
        Check(Within(options.OperationTimeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(10)), nameof(options.OperationTimeout), "from 00:00:00.001 to 00:00:10");
        Check(options.MaxOutstanding is >= 1 and <= 100_000, nameof(options.MaxOutstanding), "from 1 to 100,000");
        Check(Within(options.TimeToLive, TimeSpan.FromSeconds(1), TimeSpan.FromDays(7)), nameof(options.TimeToLive), "from 00:00:01 to 7.00:00:00");
        Check(Within(options.AbsentTimeToLive, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)), nameof(options.AbsentTimeToLive), "from 00:00:01 to 01:00:00");
        Check(options.Jitter is >= 0 and <= 0.5, nameof(options.Jitter), "from 0 to 0.5");
        return errors.Count > 0 ? ValidateOptionsResult.Fail(errors) : ValidateOptionsResult.Success;
    }

    private static bool Within(TimeSpan value, TimeSpan least, TimeSpan most) => value >= least && value <= most;

    private static bool HasAddresses(KeyValueOptions options)
    {
        try
        {
            return options.ParseAddresses().Count > 0;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
