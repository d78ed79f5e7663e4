using System.Reflection;
using Dapper;
using FeedMall.Rpc.Errors;
using FeedMall.ServiceDefaults.Ids;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FeedMall.ServiceDefaults.Database;

/// <summary>The database of a service, and the number that its ids carry. Bound to the section of the service's own name.</summary>
public sealed class DatabaseOptions
{
    /// <summary>The section is the service's name; this is the placeholder that the documentation uses for it.</summary>
    public const string Section = "{Service}";

    /// <summary>A SQLite file (relative to DataDirectory) or a PostgreSQL connection string. No default: the settings file has it.</summary>
    public string Database { get; set; } = "";

    /// <summary>0 to 1023; every running copy of every service needs another one. No default: the settings file has it.</summary>
    public int IdWorker { get; set; } = -1;
}

/// <summary>Gives a service its database.</summary>
public static class DatabaseRegistration
{
    private static readonly TimeSpan HealthTimeout = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Registers <see cref="ServiceDatabase"/> and <see cref="IIdSource"/>. Before the service listens, the schema is brought up to date with
    /// the scripts in <paramref name="scriptsIn"/>, and ids go on above the largest one that the given tables hold. Ready only while the database answers.
    /// </summary>
    /// <param name="tables">The tables with an "id" column made by the id source.</param>
    public static void AddServiceDatabase(this WebApplicationBuilder builder, string service, Assembly scriptsIn, params string[] tables)
    {
        builder.Services.AddOptions<DatabaseOptions>().BindConfiguration(service)
            .Validate(options => ServiceDatabase.CanOpen(options.Database),
                $"{service}:Database must be a SQLite file, or a PostgreSQL connection string like Host=127.0.0.1;Database=feed;Username=…;Password=… "
                + "(a text with ';', '=' or '://' in it is taken for one).")
            .Validate(options => options.IdWorker is >= 0 and <= LocalIdSource.MaxWorker, $"{service}:IdWorker must be a number from 0 to {LocalIdSource.MaxWorker}.")
            .ValidateOnStart();
        builder.Services.AddSingleton(provider => ServiceDatabase.Open(
            provider.GetRequiredService<IOptions<DatabaseOptions>>().Value.Database,
            provider.GetRequiredService<IOptions<DataOptions>>().Value.DataDirectory));
        builder.Services.AddSingleton(provider => new LocalIdSource(
            provider.GetRequiredService<IOptions<DatabaseOptions>>().Value.IdWorker, provider.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton<IIdSource>(provider => provider.GetRequiredService<LocalIdSource>());
        builder.Services.AddHostedService(provider => ActivatorUtilities.CreateInstance<DatabaseStarter>(provider, scriptsIn, tables));
        builder.Services.AddHealthChecks().AddCheck<DatabaseHealthCheck>("database", timeout: HealthTimeout);
    }
}

/// <summary>Brings the database up to date before the service listens.</summary>
internal sealed partial class DatabaseStarter(
    ServiceDatabase database, LocalIdSource ids, Assembly scriptsIn, string[] tables, TimeProvider clock, ILogger<DatabaseStarter> log) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var script in await Migrator.MigrateAsync(database, scriptsIn, clock, cancellationToken)) LogRan(script);
            foreach (var table in tables) ids.StartAbove(await MaxIdAsync(table, cancellationToken));
        }
        catch (Exception unreachable) when (unreachable is System.Data.Common.DbException or ServiceException)
        {
            // An interrupted handshake with PostgreSQL may come back as a time-out.
            cancellationToken.ThrowIfCancellationRequested();
            throw new StartException($"The database cannot be used: {unreachable.GetBaseException().Message}", unreachable);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private Task<long> MaxIdAsync(string table, CancellationToken cancellationToken) =>
        database.ReadAsync(connection => connection.ExecuteScalarAsync<long>($"SELECT COALESCE(MAX(id), 0) FROM {table}"), cancellationToken);

    [LoggerMessage(1, LogLevel.Information, "Database migration {Script} ran")]
    private partial void LogRan(string script);
}

/// <summary>Healthy when the database answers.</summary>
internal sealed class DatabaseHealthCheck(ServiceDatabase database) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await database.ReadAsync(connection => connection.ExecuteScalarAsync<long>(
                new CommandDefinition("SELECT 1", cancellationToken: cancellationToken)), cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (Exception failure) when (failure is System.Data.Common.DbException or ServiceException)
        {
            return HealthCheckResult.Unhealthy("The database does not answer.");
        }
    }
}
