using FeedMall.AllInOne.Demo;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.Database;
using Grpc.Core;

namespace FeedMall.AllInOne;

/// <summary>Every service in one process: for the first look, for development, for a small machine.</summary>
public static class AllInOneApp
{
    // Says that the demo data is complete. Deleting it is harmless: loading again finds everything there.
    private const string DemoDataMarker = "demo-data-loaded";

    /// <summary>Starts everything, fills an empty system, says where to click, and waits to be stopped; the result is the exit code.</summary>
    public static Task<int> RunAsync(string[] args, TextWriter console, TextWriter errors) =>
        ServiceRunner.GuardAsync(() => RunUntilStoppedAsync(args, console), errors);

    private static async Task RunUntilStoppedAsync(string[] args, TextWriter console)
    {
        await using var services = new RunningServices();
        try
        {
            await services.StartAsync(args);
            await services.WaitUntilReadyAsync();
            var hasDemoData = services.Options.DemoData && await LoadDemoDataAsync(services, console);
            await console.WriteLineAsync(StartUpTable.Render(services, hasDemoData));
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, services.Stopping);
        }
        catch (Exception cutOff) when (services.Stopping.IsCancellationRequested
            && cutOff is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            await console.WriteLineAsync("Stopping …");
        }
    }

    // False when a demo user's name is taken: whoever has real users goes on without demo data.
    private static async Task<bool> LoadDemoDataAsync(RunningServices services, TextWriter console)
    {
        var marker = Path.Combine(services.DataDirectory, DemoDataMarker);
        if (File.Exists(marker)) return true;
        await console.WriteLineAsync("Loading demo data (first start, a few seconds) …");
        await using var clients = DemoServices.Connect(services.Feed.Address(), services.Mall.Address());
        var drafts = new DemoDraftStore(services.Mall.Services.GetRequiredService<ServiceDatabase>());
        try
        {
            await new DemoData(clients.GetRequiredService<DemoServices>(), drafts, line => console.WriteLine("  " + line)).LoadAsync(services.Stopping);
        }
        catch (StartException nameTaken)
        {
            await console.WriteLineAsync($"  Left out: {nameTaken.Message} Start with --AllInOne:DemoData=false to have this line no more.");
            return false;
        }
        await File.WriteAllTextAsync(marker, "The demo data is complete. Delete this file to have what is missing loaded again.\n", services.Stopping);
        return true;
    }
}
