using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace FeedMall.ServiceDefaults;

/// <summary>Runs a service as a process of its own.</summary>
public static class ServiceRunner
{
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Builds, runs and stops the service; the result is the exit code. "--probe URL" instead asks that URL and ends with 0 when it
    /// answers 200: for the health checks of containers, whose image has no other HTTP client.
    /// </summary>
    public static Task<int> RunAsync(Func<string[], WebApplication> build, string[] args, TextWriter errors) =>
        args is ["--probe", var url]
            ? ProbeAsync(url, errors)
            : GuardAsync(async () =>
            {
                await using var service = build(args);
                try
                {
                    await service.StartServiceAsync();
                }
                catch (OperationCanceledException) when (service.Lifetime.ApplicationStopping.IsCancellationRequested)
                {
                    return; // told to stop before it was up
                }
                await service.WaitForShutdownAsync();
            }, errors);

    /// <summary>Runs a program; what the operator can mend becomes one line instead of a stack trace. The result is the exit code.</summary>
    public static async Task<int> GuardAsync(Func<Task> run, TextWriter errors)
    {
        try
        {
            await run();
            return 0;
        }
        catch (Exception mendable) when (IsMendable(mendable))
        {
            await errors.WriteLineAsync(Line(mendable));
            return 1;
        }
    }

    private static bool IsMendable(Exception exception) => exception switch
    {
        StartException or OptionsValidationException or TimeoutException or InvalidDataException or IOException
            or UnauthorizedAccessException or DllNotFoundException or CryptographicException => true,
        // A setting that is no number, no time, no log level. From elsewhere these two are defects of ours, with a stack trace.
        InvalidOperationException or FormatException => exception.Source?.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal) == true
            && exception.Source.Contains("Configuration", StringComparison.Ordinal),
        // Several sections with bad settings.
        AggregateException several => several.InnerExceptions.All(IsMendable),
        _ => false,
    };

    private static string Line(Exception mendable) =>
        (mendable is AggregateException several ? string.Join(' ', several.InnerExceptions.Select(Line)) : SettingsTrial.Explain(mendable)).ReplaceLineEndings(" ");

    private static async Task<int> ProbeAsync(string url, TextWriter errors)
    {
        using var http = new HttpClient { Timeout = ProbeTimeout };
        try
        {
            using var response = await http.GetAsync(new Uri(url));
            if (response.IsSuccessStatusCode) return 0;
            await errors.WriteLineAsync($"{url} answered {(int)response.StatusCode}.");
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException or UriFormatException)
        {
            await errors.WriteLineAsync($"{url} did not answer: {failure.Message}");
        }
        return 1;
    }
}
