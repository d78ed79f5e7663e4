using System.Globalization;
using System.Text;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace FeedMall.Benchmarks.Decisions;

/// <summary>What each decision of the room Resilience costs, and what Polly's and the framework's cost beside it, timed by BenchmarkDotNet in one run.</summary>
public static class DecisionsBenchmark
{
    private static readonly (string Title, Type Benchmark)[] s_groups =
    [
        ("The clock", typeof(Clock)),
        ("Breakers: enter and complete", typeof(Breakers)),
        ("Limits of what is in flight: enter and complete", typeof(Limiters)),
        ("Rates: take one token", typeof(Rates)),
        ("Balancing", typeof(Picks)),
        ("Caching and hashing", typeof(Caches)),
    ];

    internal static async Task<int> RunAsync(string[] args)
    {
        var conditions = await Conditions.DescribeAsync();
        var config = ManualConfig.Create(DefaultConfig.Instance).WithOptions(ConfigOptions.DisableLogFile | ConfigOptions.JoinSummary)
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        var reports = BenchmarkRunner.Run([.. s_groups.Select(group => group.Benchmark)], config).SelectMany(summary => summary.Reports).ToList();
        var page = Page(reports, conditions);
        Console.WriteLine(page);
        if (Array.IndexOf(args, "--out") is >= 0 and var at) await File.WriteAllTextAsync(args[at + 1], page);
        return reports.Count > 0 && reports.All(report => report.Success) ? 0 : 1;
    }

    private static string Page(List<BenchmarkReport> reports, string conditions)
    {
        var text = new StringBuilder();
        text.AppendLine("# What a decision costs").AppendLine()
            .AppendLine("Timed by BenchmarkDotNet (short runs, in process, all in one run), clock reads included. With 8 threads on one object: the time of the whole divided by what all did.")
            .AppendLine("± is half of the 99.9 % confidence interval. Polly's rate limiter for pipelines wraps the framework's limiters and is in a package that does not restore here;")
            .AppendLine("Polly's older policy is measured instead.").AppendLine()
            .AppendLine("Made by `dotnet run -c Release --project tests/FeedMall.Benchmarks -- decisions --out docs/results/decisions.md`.").AppendLine()
            .AppendLine(conditions);
        foreach (var (title, benchmark) in s_groups)
        {
            text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"## {title}").AppendLine()
                .AppendLine("| what | ns | ± | B allocated |").AppendLine("| --- | ---: | ---: | ---: |");
            foreach (var report in reports.Where(report => report.BenchmarkCase.Descriptor.Type == benchmark)) text.AppendLine(Row(report));
        }
        return text.ToString();
    }

    private static string Row(BenchmarkReport report)
    {
        var (subject, statistics) = (report.BenchmarkCase, report.ResultStatistics);
        var kind = subject.Parameters.Count > 0 ? $"{subject.Parameters[0].Value}, " : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"| {kind}{subject.Descriptor.WorkloadMethodDisplayInfo.Trim('\'')} | {statistics?.Mean ?? double.NaN:N1} | {statistics?.ConfidenceInterval.Margin ?? double.NaN:N1} | {report.GcStats.GetBytesAllocatedPerOperation(subject):N0} |");
    }
}

/// <summary>What every decision pays for the time.</summary>
[MemoryDiagnoser]
public class Clock
{
    private readonly TimeProvider _clock = TimeProvider.System;

    /// <summary>One read.</summary>
    [Benchmark(Description = "TimeProvider.System.GetTimestamp")]
    public long Timestamp() => _clock.GetTimestamp();
}

/// <summary>Many threads on one object.</summary>
internal static class EightThreads
{
    public const int Turns = 100_000;

    /// <summary>What all of them do together.</summary>
    public const int AllTurns = 8 * Turns;

    public static void Run(Action act)
    {
        var threads = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            for (var turn = 0; turn < Turns; turn++) act();
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
    }
}
