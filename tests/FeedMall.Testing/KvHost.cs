using FeedMall.KvStore;
using FeedMall.ServiceDefaults;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FeedMall.Testing;

/// <summary>The real KvStore in this process, on a free port.</summary>
public sealed class KvHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private KvHost(WebApplication app) => _app = app;

    /// <summary>Where it listens.</summary>
    public int Port => _app.Address().Port;

    /// <summary>Where its governor listens, if it was given an address.</summary>
    public Uri? Governor => _app.GovernorAddress();

    /// <summary>What it logs.</summary>
    public LogCapture Logs { get; } = new();

    /// <summary>Starts one.</summary>
    /// <param name="settings">More command-line arguments, such as "--Kv:Password=secret".</param>
    public static async Task<KvHost> StartAsync(params string[] settings)
    {
        var host = new KvHost(KvApp.Build(["--Kv:Port=0", "--Kv:GovernorUrl=", .. settings]));
        host._app.Services.GetRequiredService<ILoggerFactory>().AddProvider(host.Logs);
        await host._app.StartServiceAsync();
        return host;
    }

    /// <summary>Stops it as an operator does.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => _app.StopAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
