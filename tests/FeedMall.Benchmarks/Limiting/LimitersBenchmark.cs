using System.Globalization;
using System.Text;
using System.Threading.RateLimiting;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using FeedMall.Resilience;
using FeedMall.Resilience.Bulkheads;
using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Limiting;
using FeedMall.Resilience.Load;
using FeedMall.Resilience.Queueing;

namespace FeedMall.Benchmarks.Limiting;

/// <summary>Limiters of what is in flight, ours and the framework's, timed by BenchmarkDotNet.</summary>
public static class LimitersBenchmark
{
    internal static async Task<int> RunAsync(string[] args)
    {
        var conditions = await Conditions.DescribeAsync();
        var config = ManualConfig.Create(DefaultConfig.Instance).WithOptions(ConfigOptions.DisableLogFile)
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        var summary = BenchmarkRunner.Run<Entries>(config);
        var page = Page(summary, conditions);
        Console.WriteLine(page);
        if (Array.IndexOf(args, "--out") is >= 0 and var at) await File.WriteAllTextAsync(args[at + 1], page);
        return summary.Reports.Length > 0 && summary.Reports.All(report => report.Success) ? 0 : 1;
    }

    private static string Page(Summary summary, string conditions)
    {
        var text = new StringBuilder();
        text.AppendLine("# What a limit of what is in flight costs").AppendLine()
            .AppendLine("Timed by BenchmarkDotNet (short runs, in process), ours and the framework's in the same run: to enter and to leave, once, by one thread; with 8 threads on one")
            .AppendLine("limiter, the time of the whole divided by the entries of all. The load signal of the BBR limiter is high, so that its limit is looked at each time.").AppendLine()
            .AppendLine("Made by `dotnet run -c Release --project tests/FeedMall.Benchmarks -- limiters --out docs/results/limiters.md`.").AppendLine()
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

/// <summary>Entering and leaving.</summary>
[MemoryDiagnoser]
public class Entries : IDisposable
{
    private const int Threads = 8;
    private const int EntriesEach = 100_000;

    private readonly BbrLimiter _bbr = new(new BbrLimiterOptions(), new High(), TimeProvider.System);
    private readonly BbrLimiter _full = new(new BbrLimiterOptions { Ceiling = 1 }, new High(), TimeProvider.System);
    private readonly GradientLimiter _gradient = new(new GradientLimiterOptions(), TimeProvider.System);
    private readonly Bulkhead _bulkhead = new(new BulkheadOptions(), TimeProvider.System);
    private readonly AdmissionQueue _queue = new(new BbrLimiter(new BbrLimiterOptions(), new High(), TimeProvider.System), new AdmissionQueueOptions(), TimeProvider.System);
    private readonly ConcurrencyLimiter _theirs = new(new ConcurrencyLimiterOptions { PermitLimit = 64, QueueLimit = 0 });

    /// <summary>Takes the only place, and two of those where the first two would enter without a look at the limit.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _full.TryEnter();
        for (var i = 0; i < 2; i++)
        {
            _bbr.TryEnter();
            Enter();
        }
    }

    /// <summary>BBR, admitted.</summary>
    [Benchmark(Description = "BbrLimiter, enter and complete")]
    public bool Bbr() => _bbr.TryEnter().Complete(Outcome.Success);

    /// <summary>BBR, refused.</summary>
    [Benchmark(Description = "BbrLimiter, refused")]
    public bool BbrRefused() => _full.TryEnter().IsAdmitted;

    /// <summary>Gradient.</summary>
    [Benchmark(Description = "GradientLimiter, enter and complete")]
    public bool Gradient() => _gradient.TryEnter().Complete(Outcome.Success);

    /// <summary>Bulkhead.</summary>
    [Benchmark(Description = "Bulkhead, enter and complete")]
    public bool Places() => _bulkhead.TryEnter().Complete(Outcome.Success);

    /// <summary>The queue before BBR.</summary>
    [Benchmark(Description = "AdmissionQueue before BbrLimiter, enter at once and complete")]
    public bool Queue() => Enter().Complete(Outcome.Success);

    /// <summary>Theirs.</summary>
    [Benchmark(Description = "framework's ConcurrencyLimiter, enter and dispose")]
    public bool Framework()
    {
        using var lease = _theirs.AttemptAcquire();
        return lease.IsAcquired;
    }

    /// <summary>BBR, eight threads.</summary>
    [Benchmark(Description = "BbrLimiter, 8 threads", OperationsPerInvoke = Threads * EntriesEach)]
    public void BbrContended() => Contend(() => Bbr());

    /// <summary>Gradient, eight threads.</summary>
    [Benchmark(Description = "GradientLimiter, 8 threads", OperationsPerInvoke = Threads * EntriesEach)]
    public void GradientContended() => Contend(() => Gradient());

    /// <summary>Bulkhead, eight threads.</summary>
    [Benchmark(Description = "Bulkhead, 8 threads", OperationsPerInvoke = Threads * EntriesEach)]
    public void PlacesContended() => Contend(() => Places());

    /// <summary>The queue, eight threads.</summary>
    [Benchmark(Description = "AdmissionQueue before BbrLimiter, 8 threads", OperationsPerInvoke = Threads * EntriesEach)]
    public void QueueContended() => Contend(() => EnterOrWait().Complete(Outcome.Success));

    /// <summary>Theirs, eight threads.</summary>
    [Benchmark(Description = "framework's ConcurrencyLimiter, 8 threads", OperationsPerInvoke = Threads * EntriesEach)]
    public void FrameworkContended() => Contend(() => Framework());

    /// <summary>Ends the timer.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _queue.Dispose();
        _theirs.Dispose();
        GC.SuppressFinalize(this);
    }

    private Permit Enter()
    {
        var entering = _queue.EnterAsync(Criticality.Critical, 7, TimeSpan.FromSeconds(1));
        return entering.IsCompletedSuccessfully ? entering.Result : throw new InvalidOperationException("it has to wait");
    }

    private Permit EnterOrWait()
    {
        var entering = _queue.EnterAsync(Criticality.Critical, 7, TimeSpan.FromSeconds(1));
        return entering.IsCompletedSuccessfully ? entering.Result : entering.AsTask().GetAwaiter().GetResult();
    }

    private static void Contend(Action enter)
    {
        var threads = Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
        {
            for (var i = 0; i < EntriesEach; i++) enter();
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
    }

    private sealed class High : ILoadSignal
    {
        public double Permille => 900;
    }
}
