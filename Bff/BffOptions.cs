using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff;

/// <summary>What the edge calls, and how long it waits.</summary>
public sealed class BffOptions
{
    /// <summary>The settings section.</summary>
    public const string Section = "Bff";

    /// <summary>The addresses of Domain.Feed, parted by commas. Default http://127.0.0.1:8081.</summary>
    public string FeedAddresses { get; set; } = "http://127.0.0.1:8081";

    /// <summary>The addresses of Domain.Mall, parted by commas. Default http://127.0.0.1:8082.</summary>
    public string MallAddresses { get; set; } = "http://127.0.0.1:8082";

    /// <summary>
    /// The addresses of a small Domain.Feed that stands by: it takes calls while the breaker drops them. In the form of FeedAddresses. Default: none.
    /// </summary>
    public string FeedGutterAddresses { get; set; } = "";

    /// <summary>The same for Domain.Mall. Default: none.</summary>
    public string MallGutterAddresses { get; set; } = "";

    /// <summary>Time of a request, unless the caller asks for less with x1-mio-timeout. Default 1 s; 10 ms to 10 s.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Time of a request that hashes a password, which is slow on purpose. Default 1 s; 10 ms to 10 s.</summary>
    public TimeSpan AuthTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Whether something of every kind is read at the start, so that the first requests are not slower than others. Default true.</summary>
    public bool WarmUp { get; set; } = true;

    /// <summary>Time of one section of the home page; a section that is slower is left out. Default 600 ms; 10 ms to less than RequestTimeout.</summary>
    public TimeSpan HomeSectionTimeout { get; set; } = TimeSpan.FromMilliseconds(600);

    /// <summary>How long a token is good. Default 12 h; 1 minute to 30 days.</summary>
    public TimeSpan TokenLifetime { get; set; } = TimeSpan.FromHours(12);

    /// <summary>The folder of the keys that protect tokens, relative to DataDirectory; all copies of the Bff must share it. Default bff-keys.</summary>
    public string KeysDirectory { get; set; } = "bff-keys";

    /// <summary>Largest body of a request in bytes. Default 65,536; 1,024 to 1,048,576.</summary>
    public long MaxBodyBytes { get; set; } = 65_536;

    /// <summary>
    /// The proxies in front of this service, addresses or networks like 10.0.0.0/8, parted by commas: they say where a request comes from, and how much it
    /// matters. Default 127.0.0.1,::1.
    /// </summary>
    public string TrustedProxies { get; set; } = "127.0.0.1,::1";

    /// <exception cref="FormatException">One is neither an address nor a network.</exception>
    internal static IPNetwork[] ParseNetworks(string text) =>
        [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(part =>
            IPAddress.TryParse(part, out var address) ? new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetworkV6 ? 128 : 32) : IPNetwork.Parse(part))];

    internal static IReadOnlyList<Uri> Split(string addresses) =>
        [.. addresses.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(address => new Uri(address))];
}

/// <summary>Refuses a start with a bad setting, naming the key.</summary>
internal sealed class BffOptionsValidator : IValidateOptions<BffOptions>
{
    internal static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(10);
    internal static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    public ValidateOptionsResult Validate(string? name, BffOptions options)
    {
        var errors = new List<string>();
        void Require(bool condition, string key, string text)
        {
            if (!condition) errors.Add($"{BffOptions.Section}:{key} must be {text}.");
        }
        bool InRange(TimeSpan time) => time >= Shortest && time <= Longest;
        Require(AreAddresses(options.FeedAddresses), nameof(options.FeedAddresses), "one or more addresses like http://127.0.0.1:8081, parted by commas");
        Require(AreAddresses(options.MallAddresses), nameof(options.MallAddresses), "one or more addresses like http://127.0.0.1:8082, parted by commas");
        Require(options.FeedGutterAddresses.Length == 0 || AreAddresses(options.FeedGutterAddresses), nameof(options.FeedGutterAddresses), "addresses like http://127.0.0.1:8181, parted by commas, or empty");
        Require(options.MallGutterAddresses.Length == 0 || AreAddresses(options.MallGutterAddresses), nameof(options.MallGutterAddresses), "addresses like http://127.0.0.1:8182, parted by commas, or empty");
        Require(InRange(options.RequestTimeout), nameof(options.RequestTimeout), "10 ms to 10 s");
        Require(InRange(options.AuthTimeout), nameof(options.AuthTimeout), "10 ms to 10 s");
        Require(options.HomeSectionTimeout >= Shortest && options.HomeSectionTimeout < options.RequestTimeout, nameof(options.HomeSectionTimeout),
            $"10 ms to less than {BffOptions.Section}:{nameof(options.RequestTimeout)}");
        Require(options.TokenLifetime >= TimeSpan.FromMinutes(1) && options.TokenLifetime <= TimeSpan.FromDays(30), nameof(options.TokenLifetime), "1 minute to 30 days");
        Require(options.KeysDirectory.Length > 0, nameof(options.KeysDirectory), "a folder");
        Require(options.MaxBodyBytes is >= 1024 and <= 1_048_576, nameof(options.MaxBodyBytes), "1,024 to 1,048,576 bytes");
        Require(AreNetworks(options.TrustedProxies), nameof(options.TrustedProxies), "addresses or networks like 10.0.0.0/8, parted by commas, or empty");
        return errors.Count > 0 ? ValidateOptionsResult.Fail(errors) : ValidateOptionsResult.Success;
    }

    private static bool AreNetworks(string text)
    {
        try
        {
            BffOptions.ParseNetworks(text);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static bool AreAddresses(string text)
    {
        var parts = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return parts.Length > 0 && parts.All(part => Uri.TryCreate(part, UriKind.Absolute, out var uri)
            && (uri.Scheme is "http" or "https" || (parts.Length == 1 && uri.Scheme is "dns+http" or "dns+https")));
    }
}
