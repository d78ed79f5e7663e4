using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FeedMall.ServiceDefaults.Logs;

/// <summary>How logs are written.</summary>
public sealed class LogOptions
{
    /// <summary>The settings section.</summary>
    public const string Section = "Log";

    /// <summary>"json": a line of JSON each, for machines. "text": short lines for people. Default json.</summary>
    public string Format { get; set; } = "json";

    /// <summary>The name of this copy of the service in logs and metrics. Default: machine name and process id.</summary>
    public string? InstanceId { get; set; }
}

/// <summary>Wires the logs.</summary>
internal static class LogRegistration
{
    /// <summary>Logs to the console in the configured format; levels from Logging:LogLevel over quiet defaults.</summary>
    public static void AddServiceLogs(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<LogOptions>().BindConfiguration(LogOptions.Section)
            .Validate(options => options.Format is "json" or "text", "Log:Format must be json or text.").ValidateOnStart();
        builder.Logging.ClearProviders();
        builder.Logging.SetMinimumLevel(LogLevel.Information);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("System", LogLevel.Warning).AddFilter("Npgsql", LogLevel.Warning);
        // A start that fails is told by ServiceRunner, in one line.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        // What is not ready is told to those who ask for it, at /readyz; every probe would log it again.
        builder.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.Critical);
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        builder.Logging.AddConsole(options => options.FormatterName = builder.Configuration["Log:Format"] == "text" ? TextLogFormatter.FormatterName : JsonLogFormatter.FormatterName);
        builder.Logging.AddConsoleFormatter<JsonLogFormatter, LogFormatterOptions>();
        builder.Logging.AddConsoleFormatter<TextLogFormatter, LogFormatterOptions>();
    }
}
