using System.Diagnostics;

namespace FeedMall.Benchmarks.Edge;

/// <summary>What one round measured.</summary>
/// <param name="PerSecond">Requests that succeeded, per second.</param>
/// <param name="Median">p50 of the time from sending a request to holding its whole answer.</param>
/// <param name="P99">p99 of the same.</param>
/// <param name="Failures">Requests that failed; anything but 0 makes the round worthless.</param>
internal sealed record Round(double PerSecond, TimeSpan Median, TimeSpan P99, int Failures);

/// <summary>A load of a fixed number of callers, each of which sends its next request when the last one is answered.</summary>
internal static class ClosedLoop
{
    public static async Task<Round> RunAsync(Func<CancellationToken, Task> request, int callers, TimeSpan duration)
    {
        var start = Stopwatch.GetTimestamp();
        var results = await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(() => CallAsync(request, start, duration))));
        var elapsed = Stopwatch.GetElapsedTime(start);
        var latencies = results.SelectMany(result => result.Latencies).Order().ToArray();
        return new Round(
            latencies.Length / elapsed.TotalSeconds,
            Percentile(latencies, 0.50),
            Percentile(latencies, 0.99),
            results.Sum(result => result.Failures));
    }

    private static async Task<(List<TimeSpan> Latencies, int Failures)> CallAsync(
        Func<CancellationToken, Task> request, long start, TimeSpan duration)
    {
        var latencies = new List<TimeSpan>(capacity: 16_384);
        var failures = 0;
        while (Stopwatch.GetElapsedTime(start) < duration)
        {
            var sent = Stopwatch.GetTimestamp();
            try
            {
                await request(CancellationToken.None);
                latencies.Add(Stopwatch.GetElapsedTime(sent));
            }
            catch (Exception failure) when (failure is HttpRequestException or Grpc.Core.RpcException)
            {
                failures++;
            }
        }
        return (latencies, failures);
    }

    private static TimeSpan Percentile(TimeSpan[] sorted, double share) =>
        sorted.Length == 0 ? TimeSpan.Zero : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))];
}
