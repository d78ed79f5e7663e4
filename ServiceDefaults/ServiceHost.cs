using System.Net;
using System.Security.Cryptography.X509Certificates;
using FeedMall.Rpc.Server;
using FeedMall.ServiceDefaults.Governor;
using FeedMall.ServiceDefaults.Logs;
using FeedMall.ServiceDefaults.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace FeedMall.ServiceDefaults;

/// <summary>Starts the builder of a service with everything that every process gets.</summary>
public static class ServiceHost
{
    private const int MaxHeaderBytes = 16 * 1024;
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(4);

    /// <summary>
    /// A builder with settings ({service}.json beside the program, then environment, then command line), logs, metrics, traces,
    /// health, governor and a Kestrel that listens on "{Service}:Url".
    /// </summary>
    /// <param name="service">"Bff", "Feed", "Mall": the settings section; in lower case the settings file and the name in logs.</param>
    /// <param name="protocols">What the service's own port speaks; None: not HTTP, so the service registers an IServer of its own instead of Kestrel.</param>
    /// <param name="args">The command line.</param>
    public static WebApplicationBuilder CreateBuilder(string service, HttpProtocols protocols, string[] args)
    {
        var identity = new ServiceIdentity(service) { SpeaksHttp = protocols != HttpProtocols.None };
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            ApplicationName = identity.Name,
            ContentRootPath = AppContext.BaseDirectory,
        });
        var file = new SettingsFile { Path = $"{identity.Name}.json", Optional = false };
        var overrides = new OverrideSettings();
        ReadSettings(builder.Configuration, file, overrides, args);
        if (builder.Configuration["Log:InstanceId"] is { Length: > 0 } instance) identity = identity with { Instance = instance };

        builder.Services.AddSingleton(identity);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(file);
        builder.Services.AddSingleton(provider => new SettingsTrial(builder.Services, provider));
        builder.Services.AddSingleton(typeof(IOptionsFactory<>), typeof(LastValidOptions<>));
        builder.Services.AddSingleton<IValidateOptions<ServiceOptions>, ServiceOptionsValidator>();
        builder.Services.AddOptions<ServiceOptions>().BindConfiguration(service).ValidateOnStart();
        builder.Services.AddOptions<DataOptions>().Configure<IConfiguration>((options, settings) => settings.Bind(options))
            .Validate(options => options.DataDirectory.Length > 0 && !File.Exists(options.DataDirectory), "DataDirectory must name a folder, not a file.")
            .ValidateOnStart();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = ShutdownTimeout);
        builder.Services.AddHealthChecks().AddCheck<StartedCheck>("started");
        builder.AddServiceLogs();
        builder.AddServiceTelemetry(identity);
        builder.Services.AddSingleton(overrides);
        builder.Services.AddSingleton<GovernorKey>();
        builder.Services.AddSingleton<GovernorParts>();
        builder.Services.AddSingleton<GovernorServer>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<GovernorServer>());
        if (identity.SpeaksHttp) Listen(builder, protocols);
        return builder;
    }

    private static void ReadSettings(ConfigurationManager settings, SettingsFile file, OverrideSettings overrides, string[] args)
    {
        settings.Sources.Clear();
        settings.SetBasePath(AppContext.BaseDirectory);
        settings.Sources.Add(file);
        settings.AddEnvironmentVariables();
        settings.AddCommandLine(args);
        settings.Sources.Add(overrides);
    }

    private static void Listen(WebApplicationBuilder builder, HttpProtocols protocols)
    {
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel((_, kestrel) =>
        {
            var options = kestrel.ApplicationServices.GetRequiredService<IOptions<ServiceOptions>>().Value;
            var url = new Uri(options.Url);
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestHeadersTotalSize = MaxHeaderBytes;
            kestrel.Listen(ListenAddress(url), url.Port, listen =>
            {
                // Without TLS a port cannot offer both: the client would have to know beforehand.
                listen.Protocols = url.Scheme == "http" && protocols == HttpProtocols.Http1AndHttp2 ? HttpProtocols.Http1 : protocols;
                if (listen.Protocols == HttpProtocols.Http2) listen.UseGrpc(new GrpcListenOptions { Certificate = url.Scheme == "https" ? LoadCertificate(options) : null });
                else if (url.Scheme == "https") listen.UseHttps(LoadCertificate(options));
            });
        });
    }

    // Loaded through PKCS #12 because some platforms cannot serve with a key that only lives in memory.
    private static X509Certificate2 LoadCertificate(ServiceOptions options)
    {
        using var pem = X509Certificate2.CreateFromPemFile(options.CertificatePath!, options.CertificateKeyPath!);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), password: null);
    }

    internal static IPAddress ListenAddress(Uri url) => url.Host == "localhost" ? IPAddress.Loopback : IPAddress.Parse(url.DnsSafeHost);
}
