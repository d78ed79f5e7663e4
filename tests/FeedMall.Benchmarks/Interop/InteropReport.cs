using FeedMall.IntegrationTests.Interop;

namespace FeedMall.Benchmarks.Interop;

/// <summary>Not a benchmark, but a result that is kept: the interop cases between our gRPC runtime, Node's and Python's.</summary>
internal static class InteropReport
{
    public static async Task<int> RunAsync(string[] args)
    {
        var run = await InteropRun.RunAsync(CancellationToken.None);
        var page = await InteropPage.WriteAsync(run);
        Console.WriteLine(page);
        if (args is ["--out", var file]) await File.WriteAllTextAsync(file, page);
        return run.IsGreen ? 0 : 1;
    }
}
