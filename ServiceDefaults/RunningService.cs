using System.Net;
using System.Net.Sockets;
using FeedMall.ServiceDefaults.Governor;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FeedMall.ServiceDefaults;

/// <summary>Starts a built service, and tells where it can be reached.</summary>
public static partial class RunningService
{
    /// <summary>Starts the service.</summary>
    /// <exception cref="StartException">Its port is taken or its address is not this machine's.</exception>
    public static async Task StartServiceAsync(this WebApplication service, CancellationToken cancellationToken = default)
    {
        var identity = service.Services.GetRequiredService<ServiceIdentity>();
        try
        {
            await service.StartAsync(cancellationToken);
        }
        catch (Exception cannotListen) when (cannotListen is SocketException or IOException { InnerException: AddressInUseException or SocketException })
        {
            var url = service.Services.GetRequiredService<IOptions<ServiceOptions>>().Value.Url;
            throw CannotListen(new Uri(url), $"{identity.Section}:Url", cannotListen);
        }
        service.Services.GetRequiredService<SettingsFile>().FindProblem = service.Services.GetRequiredService<SettingsTrial>().FindProblem;
        LogListening(service.Services.GetRequiredService<ILogger<ServiceIdentity>>(), identity.Name, service.Address(), (object?)service.GovernorAddress() ?? "(off)");
    }

    /// <summary>Where a started service can be called from this machine.</summary>
    public static Uri Address(this WebApplication service) => Reachable(service.Urls.First());

    /// <summary>Where the governor of a started service can be called from this machine; null when it is turned off.</summary>
    public static Uri? GovernorAddress(this WebApplication service) => service.Services.GetRequiredService<GovernorServer>().Address;

    internal static Uri Reachable(string url)
    {
        var address = new UriBuilder(url);
        if (IPAddress.TryParse(address.Uri.DnsSafeHost, out var ip) && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any)))
            address.Host = "127.0.0.1";
        return address.Uri;
    }

    internal static StartException CannotListen(Uri url, string option, Exception cause)
    {
        var free = url.Port > 55_535 ? url.Port - 10_000 : url.Port + 10_000;
        var suggestion = $"--{option}={url.Scheme}://{url.Host}:{free}";
        var variable = option.Replace(":", "__", StringComparison.Ordinal);
        return cause.InnerException is AddressInUseException
            ? new StartException($"Port {url.Port} is taken. Stop what listens there, or choose another port with {suggestion} (environment: {variable}).", cause)
            : new StartException($"Cannot listen on {url} ({cause.GetBaseException().Message}). Choose another address with {suggestion} (environment: {variable}).", cause);
    }

    [LoggerMessage(1, LogLevel.Information, "{Service} listens on {Address}, its governor on {Governor}")]
    private static partial void LogListening(ILogger log, string service, Uri address, object governor);
}
