using FeedMall.Rpc.Server;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FeedMall.Rpc.Health;

/// <summary>grpc.health.v1 over ASP.NET Core's health checks (spec §13.10). Every service of a process shares its state.</summary>
internal sealed class HealthService(HealthCheckService health, GrpcServiceRegistry services) : Grpc.Health.V1.Health.HealthBase
{
    /// <summary>The present state of a mapped service, or of the whole server for an empty name.</summary>
    public override async Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        if (request.Service.Length > 0 && !services.Knows(request.Service))
            throw new RpcException(new Status(StatusCode.NotFound, $"There is no service '{request.Service}' here."));
        var report = await health.CheckHealthAsync(context.CancellationToken);
        return new HealthCheckResponse
        {
            Status = report.Status == HealthStatus.Unhealthy
                ? HealthCheckResponse.Types.ServingStatus.NotServing
                : HealthCheckResponse.Types.ServingStatus.Serving,
        };
    }
}
