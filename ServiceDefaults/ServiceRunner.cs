using Microsoft.AspNetCore.Builder;

namespace FeedMall.ServiceDefaults;

/// <summary>Runs a service as a process of its own.</summary>
public static class ServiceRunner
{
    /// <summary>
    /// Builds, runs and stops the service; the result is the exit code. A taken port or a bad setting becomes one clear line on
    /// standard error. "--probe URL" instead asks that URL and exits with 0 when it answers 200: for container health checks.
    /// </summary>
    public static Task<int> RunAsync(Func<string[], WebApplication> build, string[] args) => throw new NotImplementedException();
}
