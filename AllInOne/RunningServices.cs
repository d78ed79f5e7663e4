using FeedMall.Bff;
using FeedMall.Domain.Feed;
using FeedMall.Domain.Mall;

namespace FeedMall.AllInOne;

/// <summary>Every service, started in the order of who calls whom and stopped in the reverse order.</summary>
internal sealed class RunningServices : IAsyncDisposable
{
    private readonly Stack<WebApplication> _started = new();

    /// <summary>The REST edge.</summary>
    public WebApplication Bff { get; private set; } = null!;

    /// <summary>The feed domain service.</summary>
    public WebApplication Feed { get; private set; } = null!;

    /// <summary>The mall domain service.</summary>
    public WebApplication Mall { get; private set; } = null!;

    /// <summary>Starts all of them; when one fails, those that run are stopped again.</summary>
    public static async Task<RunningServices> StartAsync(string[] args, CancellationToken cancellationToken)
    {
        var services = new RunningServices();
        try
        {
            // Traces are collected per process, not per service: one exporter is enough, and it is the edge's.
            string[] domain = ["--Telemetry:Traces=false", "--Log:Format=text", .. args];
            services.Feed = await services.StartAsync(FeedApp.Build(domain), cancellationToken);
            services.Mall = await services.StartAsync(MallApp.Build(domain), cancellationToken);
            services.Bff = await services.StartAsync(
                BffApp.Build([
                    $"--Bff:FeedAddresses={services.Feed.Urls.First()}",
                    $"--Bff:MallAddresses={services.Mall.Urls.First()}",
                    "--Log:Format=text",
                    .. args]),
                cancellationToken);
            return services;
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }
    }

    /// <summary>Completes when a service is told to stop, by Ctrl+C, SIGTERM or a fault of its own.</summary>
    public async Task WaitForStopAsync()
    {
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (var service in _started) service.Lifetime.ApplicationStopping.Register(() => stopping.TrySetResult());
        await stopping.Task;
    }

    /// <summary>Stops the edge first, so that nothing calls a service that is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        while (_started.TryPop(out var service))
        {
            await service.StopAsync();
            await service.DisposeAsync();
        }
    }

    private async Task<WebApplication> StartAsync(WebApplication service, CancellationToken cancellationToken)
    {
        _started.Push(service);
        await service.StartAsync(cancellationToken);
        return service;
    }
}
