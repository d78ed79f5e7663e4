using FeedMall.Rpc.Server;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace FeedMall.Rpc.Health;

/// <summary>
/// grpc.health.v1 over ASP.NET Core's health checks (spec §13.10). Every service of a process shares its state; a process that stops
/// serves no more.
/// </summary>
internal sealed class HealthService(
    HealthCheckService health, GrpcServiceRegistry services, IHostApplicationLifetime lifetime, TimeProvider clock)
    : Grpc.Health.V1.Health.HealthBase
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(5);

    /// <summary>The present state of a mapped service, or of the whole server for an empty name.</summary>
    public override async Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        if (!IsKnown(request)) throw new RpcException(new Status(StatusCode.NotFound, $"There is no service '{request.Service}' here."));
        return new HealthCheckResponse { Status = await FindStatusAsync(context.CancellationToken) };
    }

    /// <summary>The state at once and after every change. It is looked at every 5 s, so a watcher never has more than one message to wait for.</summary>
    [LongCall]
    public override async Task Watch(HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        ServingStatus? sent = null;
        while (true)
        {
            var status = IsKnown(request) ? await FindStatusAsync(context.CancellationToken) : ServingStatus.ServiceUnknown;
            if (status != sent) await responseStream.WriteAsync(new HealthCheckResponse { Status = status });
            sent = status;
            if (lifetime.ApplicationStopping.IsCancellationRequested)
                throw new RpcException(new Status(StatusCode.Unavailable, "The server is stopping."));
            await Task.Delay(WatchInterval, clock, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            context.CancellationToken.ThrowIfCancellationRequested();
        }
    }

    private bool IsKnown(HealthCheckRequest request) => request.Service.Length == 0 || services.Knows(request.Service);

    private async Task<ServingStatus> FindStatusAsync(CancellationToken cancellationToken)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested) return ServingStatus.NotServing;
        var report = await health.CheckHealthAsync(cancellationToken);
        return report.Status == HealthStatus.Unhealthy ? ServingStatus.NotServing : ServingStatus.Serving;
    }
}
