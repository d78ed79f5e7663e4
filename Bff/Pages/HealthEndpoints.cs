using FeedMall.Bff.Answers;
using FeedMall.Bff.Edge;
using FeedMall.Rpc.Errors;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FeedMall.Bff.Pages;

/// <summary>Whether the service can do its work.</summary>
/// <param name="Status">"healthy" or "unhealthy".</param>
/// <param name="Checks">The same of each thing that it needs.</param>
internal sealed record HealthView(string Status, IReadOnlyDictionary<string, string> Checks);

/// <summary>/healthz and /readyz, for whatever starts, stops and routes to this service.</summary>
internal static class HealthEndpoints
{
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz", () => new Success<HealthView>(new HealthView("healthy", new Dictionary<string, string>()))).WithTags("Health").AllowAnonymous().WithName("Alive")
            .WithSummary("Alive?").WithDescription("200 while the process runs.").CanFail(500);
        routes.MapGet("/readyz", Ready).WithTags("Health").AllowAnonymous().WithName(nameof(Ready))
            .WithSummary("Ready?").WithDescription("200 when everything that this service needs answers.").CanFail(503);
    }

    public static async Task<Success<HealthView>> Ready(HealthCheckService health, RequestContext request)
    {
        var report = await health.CheckHealthAsync(request.Cancelled);
        var checks = report.Entries.ToDictionary(entry => entry.Key, entry => Write(entry.Value.Status));
        if (report.Status == HealthStatus.Unhealthy) throw new ServiceException(StatusCode.Unavailable, BffReasons.NotReady, "Not ready: see the metadata.", checks);
        return new Success<HealthView>(new HealthView(Write(report.Status), checks));
    }

    private static string Write(HealthStatus status) => status == HealthStatus.Unhealthy ? "unhealthy" : "healthy";
}

/// <summary>Healthy when a domain service says so over grpc.health.v1.</summary>
internal sealed class DomainHealthCheck(Health.HealthClient health, TimeProvider clock) : IHealthCheck
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMilliseconds(500);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            var answer = await health.CheckAsync(
                new HealthCheckRequest(), new CallOptions(null, clock.GetUtcNow().UtcDateTime + Timeout, cancellationToken));
            return answer.Status == HealthCheckResponse.Types.ServingStatus.Serving ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("not serving");
        }
        catch (RpcException error)
        {
            return HealthCheckResult.Unhealthy(error.StatusCode.ToString());
        }
    }
}
