using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests;

/// <summary>Domain.Feed, Domain.Mall and Bff as three processes on free ports, with their data in one folder.</summary>
internal sealed class ThreeProcesses : IAsyncDisposable
{
    private readonly string _folder;
    private readonly string _feedUrl = FreePort.NextUrl(), _mallUrl = FreePort.NextUrl(), _bffUrl = FreePort.NextUrl();
    private ServiceProcess? _feed;

    private ThreeProcesses(string folder)
    {
        _folder = folder;
        Http = new HttpClient { BaseAddress = new Uri(_bffUrl) };
    }

    public HttpClient Http { get; }

    public ServiceProcess? Mall { get; private set; }

    public ServiceProcess? Bff { get; private set; }

    /// <param name="bff">Further settings of the Bff.</param>
    public static async Task<ThreeProcesses> StartAsync(string folder, CancellationToken cancel, params string[] bff)
    {
        var processes = new ThreeProcesses(folder);
        processes._feed = processes.Start("Domain.Feed", $"--Feed:Url={processes._feedUrl}", "--Feed:GovernorUrl=");
        processes.Bff = processes.Start("Bff", [$"--Bff:Url={processes._bffUrl}", "--Bff:GovernorUrl=",
            $"--Bff:FeedAddresses={processes._feedUrl}", $"--Bff:MallAddresses={processes._mallUrl}", .. FeedMallHost.PatientBff, .. bff]);
        await processes.StartMallAsync(cancel);
        return processes;
    }

    public async Task StartMallAsync(CancellationToken cancel)
    {
        Mall = Start("Domain.Mall", $"--Mall:Url={_mallUrl}", "--Mall:GovernorUrl=");
        await WaitUntilReadyAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        foreach (var process in new[] { Bff, Mall, _feed })
        {
            if (process is not null) await process.DisposeAsync();
        }
    }

    private ServiceProcess Start(string program, params string[] arguments) =>
        ServiceProcess.Start(program, _folder, [$"--DataDirectory={_folder}", "--Feed:Cache:Enabled=false", "--Mall:Cache:Enabled=false", .. arguments]);

    // Readiness is what an operator's tools would poll; the bound makes a process that never comes up fail the test.
    private async Task WaitUntilReadyAsync(CancellationToken cancel)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timeout.CancelAfter(TimeSpan.FromMinutes(3));
        while (true)
        {
            try
            {
                using var response = await Http.GetAsync("/readyz", timeout.Token);
                if (response.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // The port is not open yet.
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                Assert.Fail($"Not ready within three minutes.\n{_feed!.Output}\n{Mall!.Output}\n{Bff!.Output}");
            }
            await Task.Delay(50, CancellationToken.None);
        }
    }
}
