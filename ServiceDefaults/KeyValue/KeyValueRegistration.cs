using FeedMall.Resilience;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FeedMall.ServiceDefaults.KeyValue;

/// <summary>Gives a service its key-value store.</summary>
public static class KeyValueRegistration
{
    /// <summary>
    /// Registers <see cref="KeyValueStore"/>, with the settings "{Service}:Cache:…". The service starts, works and is ready without the store: the health
    /// report only says "Degraded".
    /// </summary>
    public static void AddKeyValueStore(this WebApplicationBuilder builder, string service)
    {
        builder.Services.AddSingleton<IValidateOptions<KeyValueOptions>, KeyValueOptionsValidator>();
        builder.Services.AddOptions<KeyValueOptions>().BindConfiguration($"{service}:Cache").ValidateOnStart();
        builder.Services.TryAddSingleton<IChance, SystemChance>();
        builder.Services.AddSingleton<KeyValueMetrics>();
        builder.Services.AddSingleton<KeyValueConnection>();
        builder.Services.AddSingleton(provider => new KeyValueStore(
            provider.GetRequiredService<KeyValueConnection>(), provider.GetRequiredService<KeyValueMetrics>(),
            provider.GetRequiredService<IOptions<KeyValueOptions>>(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<IChance>()));
        builder.Services.AddHostedService<KeyValueWorker>();
        builder.Services.AddHealthChecks().AddCheck<KeyValueHealthCheck>("cache");
    }
}

/// <summary>Connects in the background, and then tells the store what it could not be told in time.</summary>
internal sealed partial class KeyValueWorker(
    KeyValueConnection connection, KeyValueStore store, IOptions<KeyValueOptions> options, ILogger<KeyValueWorker> log, TimeProvider clock) : BackgroundService
{
    private static readonly TimeSpan PayInterval = TimeSpan.FromMilliseconds(250);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Enabled)
        {
            LogOff(log);
            return;
        }
        try
        {
            await connection.OpenAsync(stoppingToken);
            using var timer = new PeriodicTimer(PayInterval, clock);
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                if (store.Owed.Count > 0 && connection.IsConnected) await store.Owed.PayAsync((cache, key) => Stamps.TryRenewAsync(store, cache, key));
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops.
        }
    }

    [LoggerMessage(1, LogLevel.Information, "The cache is off: everything is read from the database")]
    private static partial void LogOff(ILogger log);
}

/// <summary>Says whether the store can be reached. The service works without, so it is never unhealthy.</summary>
internal sealed class KeyValueHealthCheck(KeyValueConnection connection, IOptions<KeyValueOptions> options) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(!options.Value.Enabled ? HealthCheckResult.Healthy("off")
            : connection.IsConnected ? HealthCheckResult.Healthy("connected") : HealthCheckResult.Degraded("not connected"));
}
