using System.Net.Mime;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;
using FeedMall.Rpc.Client;
using FeedMall.ServiceDefaults.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FeedMall.ServiceDefaults.Governor;

/// <summary>
/// The operators' port of a service: metrics and health. A server of its own, so that nothing that happens to the service's port (load,
/// limits, authentication) touches it, and so that it can be bound to the loopback interface alone.
/// </summary>
internal sealed class GovernorServer(
    IOptions<ServiceOptions> options, ServiceIdentity identity, HealthCheckService health, PrometheusExporter metrics, GovernorParts parts,
    RpcChannels? channels = null) : IHostedService, IAsyncDisposable
{
    private const string PrometheusContentType = "text/plain; version=0.0.4; charset=utf-8";
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter() } };
    private WebApplication? _server;

    /// <summary>Where it can be reached; null when it is turned off or not started.</summary>
    public Uri? Address { get; private set; }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.GovernorUrl.Length == 0) return;
        var url = new Uri(options.Value.GovernorUrl);
        // Nothing of the surroundings: no settings file of the current folder, no environment, no reaction to Ctrl+C of its own.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear();
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(ServiceHost.ListenAddress(url), url.Port);
        });
        _server = builder.Build();
        if (parts.Pages.Any()) parts.Key.Load();
        Map(_server);
        try
        {
            await _server.StartAsync(cancellationToken);
        }
        catch (Exception cannotListen) when (cannotListen is SocketException or IOException)
        {
            throw RunningService.CannotListen(url, $"{identity.Section}:GovernorUrl", cannotListen);
        }
        Address = RunningService.Reachable(_server.Urls.First());
    }

    public Task StopAsync(CancellationToken cancellationToken) => _server?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;

    private void Map(WebApplication server)
    {
        server.MapGet("/", () => Results.Text(
            $"FeedMall governor of {identity.Name} ({identity.Instance})\n\n/metrics  Prometheus\n/healthz  alive?\n/readyz   ready, and what is not\n/rpc      the addresses that this service calls: state, score, calls under way\n{string.Concat(parts.Pages.Select(pages => pages.Help))}"));
        foreach (var pages in parts.Pages) pages.Map(server);
        server.MapGet("/healthz", () => Results.Text("alive\n"));
        server.MapGet("/readyz", ReadyAsync);
        server.MapGet("/rpc", () => Results.Json(channels?.All.Select(channel => new { channel.Target, Retries = channel.RetrySnapshot(), Endpoints = channel.Snapshot() }) ?? [], Json));
        server.MapGet("/metrics", () => metrics.Scrape() is { } text
            ? Results.Text(text, PrometheusContentType)
            : Results.Text("The metrics could not be collected in time.\n", statusCode: StatusCodes.Status503ServiceUnavailable));
    }

    private async Task<IResult> ReadyAsync(CancellationToken cancellationToken)
    {
        var report = await health.CheckHealthAsync(cancellationToken);
        var checks = report.Entries.ToDictionary(entry => entry.Key, entry => entry.Value.Status.ToString());
        return Results.Text(
            JsonSerializer.Serialize(new { status = report.Status.ToString(), checks }),
            MediaTypeNames.Application.Json,
            statusCode: report.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
    }

    /// <summary>The service starts and stops the governor.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
