using System.Globalization;
using System.Text;
using System.Threading.RateLimiting;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using FeedMall.Resilience.RateLimiting;

namespace FeedMall.Benchmarks.RateLimiting;

/// <summary>Our token buckets beside the framework's, timed by BenchmarkDotNet.</summary>
public static class RatesBenchmark
{
    internal static async Task<int> RunAsync(string[] args)
    {
        var conditions = await Conditions.DescribeAsync();
        var config = ManualConfig.Create(DefaultConfig.Instance).WithOptions(ConfigOptions.DisableLogFile)
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        var summary = BenchmarkRunner.Run<Takes>(config);
        var page = Page(summary, conditions);
        Console.WriteLine(page);
        if (Array.IndexOf(args, "--out") is >= 0 and var at) await File.WriteAllTextAsync(args[at + 1], page);
        return summary.Reports.Length > 0 && summary.Reports.All(report => report.Success) ? 0 : 1;
    }

    private static string Page(Summary summary, string conditions)
    {
        var text = new StringBuilder();
        text.AppendLine("# What a rate limit costs").AppendLine()
            .AppendLine("Timed by BenchmarkDotNet (short runs, in process), ours and the framework's in the same run. One decision by one thread; with 8 threads on one bucket, the")
            .AppendLine("time of the whole divided by the decisions of all.").AppendLine()
            .AppendLine("Made by `dotnet run -c Release --project tests/FeedMall.Benchmarks -- rates --out docs/results/rates.md`.").AppendLine()
            .AppendLine(conditions).AppendLine()
            .AppendLine("| what | ns | B allocated |").AppendLine("| --- | ---: | ---: |");
        foreach (var report in summary.Reports)
        {
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {report.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo.Trim('\'')} | {report.ResultStatistics?.Mean ?? double.NaN:N1} | {report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase):N0} |");
        }
        return text.ToString();
    }
}

/// <summary>Takes of one token.</summary>
[MemoryDiagnoser]
public class Takes
{
    private const int Threads = 8;
    private const int TakesEach = 100_000;

    // So much that nothing runs out in a run.
    private readonly TokenBucket _full = new(new TokenBucketOptions { Rate = 1e9, Burst = 1e9 }, TimeProvider.System);
    private readonly TokenBucket _empty = new(new TokenBucketOptions { Rate = 0, Burst = 1 }, TimeProvider.System);
    private readonly KeyedTokenBuckets<string> _keyed = new(new KeyedTokenBucketsOptions { PerKey = new() { Rate = 1e9, Burst = 1e9 } }, TimeProvider.System);
    private readonly TokenBucketRateLimiter _theirs = Theirs(int.MaxValue);
    private readonly TokenBucketRateLimiter _theirsEmpty = Theirs(1);

    /// <summary>Empties what must be empty.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _empty.TryTake();
        _theirsEmpty.AttemptAcquire().Dispose();
    }

    /// <summary>Ours, admitted.</summary>
    [Benchmark(Description = "TokenBucket, admitted")]
    public bool Ours() => _full.TryTake().IsAdmitted;

    /// <summary>Theirs, admitted.</summary>
    [Benchmark(Description = "framework's TokenBucketRateLimiter, admitted")]
    public bool Framework() => _theirs.AttemptAcquire().IsAcquired;

    /// <summary>Ours, refused.</summary>
    [Benchmark(Description = "TokenBucket, refused")]
    public bool OursRefused() => _empty.TryTake().IsAdmitted;

    /// <summary>Theirs, refused.</summary>
    [Benchmark(Description = "framework's TokenBucketRateLimiter, refused")]
    public bool FrameworkRefused() => _theirsEmpty.AttemptAcquire().IsAcquired;

    /// <summary>Ours, by key.</summary>
    [Benchmark(Description = "KeyedTokenBuckets, admitted")]
    public bool Keyed() => _keyed.TryTake("user 1").IsAdmitted;

    /// <summary>Ours, eight threads.</summary>
    [Benchmark(Description = "TokenBucket, 8 threads", OperationsPerInvoke = Threads * TakesEach)]
    public void OursContended() => Contend(() => _full.TryTake());

    /// <summary>Theirs, eight threads.</summary>
    [Benchmark(Description = "framework's TokenBucketRateLimiter, 8 threads", OperationsPerInvoke = Threads * TakesEach)]
    public void FrameworkContended() => Contend(() => _theirs.AttemptAcquire());

    private static void Contend(Action take)
    {
        var threads = Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
        {
            for (var i = 0; i < TakesEach; i++) take();
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
    }

    // Refilled by nobody: the timer would measure something else.
    private static TokenBucketRateLimiter Theirs(int tokens) => new(new TokenBucketRateLimiterOptions
    {
        TokenLimit = tokens, TokensPerPeriod = 1, ReplenishmentPeriod = TimeSpan.FromHours(1), AutoReplenishment = false, QueueLimit = 0,
    });
}
