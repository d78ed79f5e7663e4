using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace FeedMall.ServiceDefaults.Telemetry;

/// <summary>What is collected.</summary>
public sealed class TelemetryOptions
{
    /// <summary>The settings section.</summary>
    public const string Section = "Telemetry";

    /// <summary>Whether this service exports traces. One service per process should: spans are collected process-wide. Default true.</summary>
    public bool Traces { get; set; } = true;
}

/// <summary>Where telemetry is sent besides /metrics.</summary>
public sealed class OtlpOptions
{
    /// <summary>The settings section.</summary>
    public const string Section = "Otlp";

    /// <summary>The address of an OpenTelemetry collector (OTLP over gRPC), such as http://127.0.0.1:4317. Default: none, nothing is sent.</summary>
    public string? Endpoint { get; set; }
}

/// <summary>Wires OpenTelemetry: the framework's meters and sources, and ours.</summary>
internal static class TelemetryRegistration
{
    private static readonly string[] Meters =
        ["Microsoft.AspNetCore.*", "System.Net.Http", "System.Net.NameResolution", "System.Runtime", "Npgsql", "FeedMall.*"];

    private static readonly string[] Sources = ["Microsoft.AspNetCore", "System.Net.Http", "Npgsql", "FeedMall.*"];

    public static void AddServiceTelemetry(this WebApplicationBuilder builder, ServiceIdentity identity)
    {
        builder.Services.AddOptions<TelemetryOptions>().BindConfiguration(TelemetryOptions.Section).ValidateOnStart();
        builder.Services.AddOptions<OtlpOptions>().BindConfiguration(OtlpOptions.Section)
            .Validate(options => string.IsNullOrEmpty(options.Endpoint) || Uri.IsWellFormedUriString(options.Endpoint, UriKind.Absolute),
                "Otlp:Endpoint must be like http://127.0.0.1:4317.").ValidateOnStart();
        builder.Services.AddMetrics();
        builder.Services.AddSingleton<PrometheusExporter>();
        var resource = ResourceBuilder.CreateEmpty().AddService(identity.Name, "feedmall", serviceInstanceId: identity.Instance);
        builder.Services.AddSingleton(provider => CreateMeterProvider(provider, resource));
        builder.Services.AddHostedService(provider => new TelemetryLifetime(provider, resource));
    }

    private static MeterProvider CreateMeterProvider(IServiceProvider provider, ResourceBuilder resource)
    {
        var factory = provider.GetRequiredService<IMeterFactory>();
        var metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Meters)
            // Several services may share a process; a meter that another one's container made is not ours to report.
            .AddView(instrument => instrument.Meter.Scope is null || ReferenceEquals(instrument.Meter.Scope, factory) ? null : MetricStreamConfiguration.Drop)
            .AddReader(provider.GetRequiredService<PrometheusExporter>().Reader);
        if (provider.GetRequiredService<IOptions<OtlpOptions>>().Value.Endpoint is { Length: > 0 } endpoint)
            metrics.AddOtlpExporter(options => Target(options, endpoint));
        return metrics.Build();
    }

    private static void Target(OtlpExporterOptions options, string endpoint) => options.Endpoint = new Uri(endpoint);

    /// <summary>Starts collecting with the service and flushes at its end.</summary>
    private sealed class TelemetryLifetime(IServiceProvider provider, ResourceBuilder resource) : IHostedService, IDisposable
    {
        private TracerProvider? _traces;

        public Task StartAsync(CancellationToken cancellationToken)
        {
            _ = provider.GetRequiredService<MeterProvider>();
            var endpoint = provider.GetRequiredService<IOptions<OtlpOptions>>().Value.Endpoint;
            if (!string.IsNullOrEmpty(endpoint) && provider.GetRequiredService<IOptions<TelemetryOptions>>().Value.Traces)
            {
                _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Sources)
                    .AddOtlpExporter(options => Target(options, endpoint)).Build();
            }
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Dispose() => _traces?.Dispose();
    }
}
