using FeedMall.Bff;
using FeedMall.Domain.Feed;
using FeedMall.Domain.Mall;
using FeedMall.KvStore;
using FeedMall.ServiceDefaults;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FeedMall.AllInOne;

/// <summary>Every service, started in the order of who calls whom and stopped in the reverse order.</summary>
internal sealed class RunningServices : IAsyncDisposable
{
    private static readonly TimeSpan ReadyPoll = TimeSpan.FromMilliseconds(50);
    // All of them together: what is still open when it is over is cut off.
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(4);

    private readonly Stack<WebApplication> _started = new();
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>The REST edge.</summary>
    public WebApplication Bff { get; private set; } = null!;

    /// <summary>The key-value server.</summary>
    public WebApplication Kv { get; private set; } = null!;

    /// <summary>The feed domain service.</summary>
    public WebApplication Feed { get; private set; } = null!;

    /// <summary>The mall domain service.</summary>
    public WebApplication Mall { get; private set; } = null!;

    /// <summary>Where all files lie.</summary>
    public string DataDirectory => Path.GetFullPath(Bff.Configuration["DataDirectory"] ?? ".data");

    /// <summary>The settings of this room.</summary>
    public AllInOneOptions Options { get; private set; } = new();

    /// <summary>Fires when a service is told to stop: by Ctrl+C, SIGTERM or a fault of its own.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Starts all of them. What runs when one fails, or when the start is interrupted, is stopped by <see cref="DisposeAsync"/>.</summary>
    /// <exception cref="OperationCanceledException">The start was interrupted: <see cref="Stopping"/> has fired.</exception>
    public async Task StartAsync(string[] args)
    {
        // Traces are collected per process, not per service: one exporter is enough, and it is the edge's.
        string[] domain = ["--Telemetry:Traces=false", "--Log:Format=text", .. args];
        Kv = await StartAsync(KvApp.Build(domain));
        Feed = await StartAsync(WithCache("Feed", FeedApp.Build(domain)));
        Mall = await StartAsync(WithCache("Mall", MallApp.Build(domain)));
        Bff = await StartAsync(WithCache("Bff", BffApp.Build([
            "--Log:Format=text",
            $"--Bff:FeedAddresses={Feed.Address()}",
            $"--Bff:MallAddresses={Mall.Address()}",
            .. args])));
        Options = AllInOneOptions.Read(Bff.Configuration);
    }

    /// <summary>Waits until the edge says that everything behind it answers.</summary>
    /// <exception cref="TimeoutException">That took too long; the message names what is not ready.</exception>
    public async Task WaitUntilReadyAsync()
    {
        var health = Bff.Services.GetRequiredService<HealthCheckService>();
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var report = await health.CheckHealthAsync(Stopping);
            if (report.Status == HealthStatus.Healthy) return;
            if (TimeProvider.System.GetElapsedTime(start) > Options.ReadyTimeout)
            {
                var missing = string.Join(", ", report.Entries.Where(entry => entry.Value.Status != HealthStatus.Healthy).Select(entry => entry.Key));
                throw new TimeoutException($"Not ready after {Options.ReadyTimeout.TotalSeconds:0} s: {missing}. A longer wait: --AllInOne:ReadyTimeout=00:02:00.");
            }
            await Task.Delay(ReadyPoll, TimeProvider.System, Stopping);
        }
    }

    /// <summary>Stops the edge first, so that nothing calls a service that is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        using var timeUp = new CancellationTokenSource(StopTimeout, TimeProvider.System);
        while (_started.TryPop(out var service))
        {
            await service.StopAsync(timeUp.Token);
            await service.DisposeAsync();
        }
        _stopping.Dispose();
    }

    // The cache is the store that was just started, unless the settings name another one.
    private WebApplication WithCache(string section, WebApplication service)
    {
        var settings = service.Configuration.GetSection($"{section}:Cache");
        if (settings["Addresses"] is not null) return service;
        settings["Addresses"] = Kv.Address().Authority;
        foreach (var same in new[] { "Password", "Tls" }) settings[same] ??= Kv.Configuration[$"Kv:{same}"];
        return service;
    }

    private async Task<WebApplication> StartAsync(WebApplication service)
    {
        _started.Push(service);
        service.Lifetime.ApplicationStopping.Register(_stopping.Cancel);
        try
        {
            await service.StartServiceAsync(Stopping);
        }
        catch (OperationCanceledException) when (service.Lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // The start may be cut off before the registration above has been called: both hang on the same token.
            await _stopping.CancelAsync();
            throw;
        }
        return service;
    }
}
