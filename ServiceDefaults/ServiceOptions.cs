using System.Net;
using Microsoft.Extensions.Options;

namespace FeedMall.ServiceDefaults;

/// <summary>Where a service listens. Bound to the section of the service's own name: "Bff", "Feed", "Mall".</summary>
public sealed class ServiceOptions
{
    /// <summary>The section is the service's name; this is the placeholder that the documentation uses for it.</summary>
    public const string Section = "{Service}";

    /// <summary>Where the service itself listens: http or https, an IP address or localhost, a port (0: a free one). No default: the settings file has it.</summary>
    public string Url { get; set; } = "";

    /// <summary>Where metrics, health and, in the Bff, protections are served, for operators only. Empty: nowhere.</summary>
    public string GovernorUrl { get; set; } = "";

    /// <summary>What operators must send as X-Api-Key to change something through the governor. Empty: a random one, in DataDirectory/governor.key.</summary>
    public string GovernorKey { get; set; } = "";

    /// <summary>The certificate of an https Url, a PEM file.</summary>
    public string? CertificatePath { get; set; }

    /// <summary>The certificate's private key, a PEM file.</summary>
    public string? CertificateKeyPath { get; set; }
}

/// <summary>Refuses a start with a bad address, naming the key.</summary>
internal sealed class ServiceOptionsValidator(ServiceIdentity identity, SettingsFile file) : IValidateOptions<ServiceOptions>
{
    public ValidateOptionsResult Validate(string? name, ServiceOptions options)
    {
        var errors = new List<string>();
        if (file.Problem is { } problem) errors.Add(problem);
        Uri? url = null;
        if (identity.SpeaksHttp && !TryParse(options.Url, out url)) errors.Add($"{identity.Section}:Url must be like http://127.0.0.1:8080, but is '{options.Url}'.");
        if (options.GovernorUrl.Length > 0 && (!TryParse(options.GovernorUrl, out var governor) || governor.Scheme != "http"))
            errors.Add($"{identity.Section}:GovernorUrl must be like http://127.0.0.1:9080, or empty, but is '{options.GovernorUrl}'.");
        if (url?.Scheme == "https" && !(File.Exists(options.CertificatePath) && File.Exists(options.CertificateKeyPath)))
            errors.Add($"{identity.Section}:Url is https, so {identity.Section}:CertificatePath and {identity.Section}:CertificateKeyPath must name PEM files.");
        return errors.Count > 0 ? ValidateOptionsResult.Fail(errors) : ValidateOptionsResult.Success;
    }

    private static bool TryParse(string text, out Uri url) =>
        Uri.TryCreate(text, UriKind.Absolute, out url!) && url.Scheme is "http" or "https"
        && (url.Host == "localhost" || IPAddress.TryParse(url.DnsSafeHost, out _));
}
