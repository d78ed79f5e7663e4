using FeedMall.Bff;
using FeedMall.Domain.Feed;
using FeedMall.Domain.Mall;
using FeedMall.ServiceDefaults;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FeedMall.Testing;

/// <summary>The real services in this process, on free ports, with their data in a folder: what AllInOne starts, one by one in a test's hands.</summary>
public sealed class FeedMallHost : IAsyncDisposable
{
    /// <summary>
    /// Settings of a Bff in tests that are not about these: all of them come from one address, and run on a machine that is as busy and as slow as it can be.
    /// </summary>
    public static IReadOnlyList<string> PatientBff { get; } =
    [
        "--Bff:RequestTimeout=00:00:10", "--Bff:AuthTimeout=00:00:10", "--Bff:HomeSectionTimeout=00:00:09",
        "--Protection:Dependencies:CallTimeout=00:00:10", "--Protection:Dependencies:WriteTimeout=00:00:10",
        "--Protection:RateLimit:ClientRate=0", "--Protection:Admission:DryRun=true",
    ];

    private readonly string _folder;
    private readonly string[] _settings;
    private WebApplication? _feed, _mall, _bff;

    private FeedMallHost(string folder, string[] settings) => (_folder, _settings) = (folder, settings);

    /// <summary>A client of the Bff.</summary>
    public HttpClient Http { get; } = new();

    /// <summary>Domain.Feed, to be called direct.</summary>
    public Uri FeedAddress => _feed!.Address();

    /// <summary>Domain.Mall, to be called direct.</summary>
    public Uri MallAddress => _mall!.Address();

    /// <summary>The Bff.</summary>
    public WebApplication Bff => _bff!;

    /// <summary>What the three of them log.</summary>
    public LogCapture Logs { get; } = new();

    /// <summary>Starts all three.</summary>
    /// <param name="folder">Where their data lies; a second host on the same folder goes on with it.</param>
    /// <param name="settings">More command-line arguments for all of them, such as "--Feed:Database=Host=…".</param>
    public static async Task<FeedMallHost> StartAsync(string folder, params string[] settings)
    {
        var host = new FeedMallHost(folder, settings);
        try
        {
            host._feed = await host.StartAsync("Feed", FeedApp.Build);
            host._mall = await host.StartAsync("Mall", MallApp.Build);
            await host.StartBffAsync(host._feed.Address(), host._mall.Address());
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a Bff alone, in front of other addresses.</summary>
    public static async Task<FeedMallHost> StartBffAsync(string folder, Uri feed, Uri mall, params string[] settings)
    {
        var host = new FeedMallHost(folder, settings);
        await host.StartBffAsync(feed, mall);
        return host;
    }

    /// <summary>Stops Domain.Mall, as if its machine were gone.</summary>
    public async Task StopMallAsync()
    {
        await _mall!.DisposeAsync();
        _mall = null;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        foreach (var service in new[] { _bff, _mall, _feed })
        {
            if (service is not null) await service.DisposeAsync();
        }
    }

    private async Task StartBffAsync(Uri feed, Uri mall)
    {
        _bff = await StartAsync("Bff", args => BffApp.Build([$"--Bff:FeedAddresses={feed}", $"--Bff:MallAddresses={mall}", .. args]));
        Http.BaseAddress = _bff.Address();
    }

    private async Task<WebApplication> StartAsync(string service, Func<string[], WebApplication> build)
    {
        var app = build([
            $"--DataDirectory={_folder}", $"--{service}:Url=http://127.0.0.1:0", $"--{service}:GovernorUrl=", "--Log:Format=text",
            "--Logging:LogLevel:Default=Warning", $"--{service}:Cache:Enabled=false",
            .. PatientBff, "--Bff:WarmUp=false", .. _settings]);
        app.Services.GetRequiredService<ILoggerFactory>().AddProvider(Logs);
        try
        {
            await app.StartServiceAsync();
        }
        catch
        {
            // What it holds, such as the watches on its files, is missed by the tests after this one.
            await app.DisposeAsync();
            throw;
        }
        return app;
    }
}
