using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace FeedMall.ServiceDefaults;

/// <summary>Starts the builder of a service with everything that every process gets.</summary>
public static class ServiceHost
{
    /// <summary>
    /// A builder with settings ({service}.json beside the program, then environment, then command line), logs, metrics, traces,
    /// health, governor and a Kestrel that listens on "{Service}:Url".
    /// </summary>
    /// <param name="service">"Bff", "Feed", "Mall": the settings section; in lower case the settings file and the name in logs.</param>
    /// <param name="protocols">What the service's own port speaks.</param>
    /// <param name="args">The command line.</param>
    public static WebApplicationBuilder CreateBuilder(string service, HttpProtocols protocols, string[] args) =>
        throw new NotImplementedException();
}
