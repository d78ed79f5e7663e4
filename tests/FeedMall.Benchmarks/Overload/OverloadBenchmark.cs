using System.Diagnostics;
using System.Globalization;
using System.Net;
using FeedMall.Benchmarks.Edge;
using FeedMall.Testing;

namespace FeedMall.Benchmarks.Overload;

/// <summary>What is asked for on the command line.</summary>
/// <param name="Lead">Of each load: the time before what is measured.</param>
/// <param name="Work">What the domain service does for an answer.</param>
/// <param name="Loads">In capacities.</param>
/// <param name="Waits">The same of a second domain service, which waits where the first one computes.</param>
/// <param name="WaitLoads">For that, in capacities; none: it is left out.</param>
internal sealed record OverloadPlan(string? Out, TimeSpan Lead, TimeSpan Measured, Work Work, double[] Loads, Work Waits, double[] WaitLoads)
{
    public static OverloadPlan Parse(string[] args)
    {
        string Option(string name, string fallback) => Array.IndexOf(args, name) is var at && at >= 0 && at + 1 < args.Length ? args[at + 1] : fallback;
        double Number(string name, string fallback) => double.Parse(Option(name, fallback), CultureInfo.InvariantCulture);
        double[] Numbers(string name, string fallback) =>
            [.. Option(name, fallback).Split(',', StringSplitOptions.RemoveEmptyEntries).Select(load => double.Parse(load, CultureInfo.InvariantCulture))];
        return new OverloadPlan(Option("--out", "") is { Length: > 0 } file ? file : null, TimeSpan.FromSeconds(Number("--lead", "5")), TimeSpan.FromSeconds(Number("--seconds", "10")),
            Work.Parse(Option("--work", "8192/0/0")), Numbers("--loads", "1,2,5,10"), Work.Parse(Option("--waits", "0/4/10")), Numbers("--wait-loads", "2,5"));
    }
}

/// <summary>One load on one Bff.</summary>
/// <param name="IsOn">Whether its protections are on.</param>
/// <param name="Load">In capacities.</param>
/// <param name="Fates">Of all requests, those of the lead too.</param>
/// <param name="Cores">Of the machine, that the load, the Bff and the domain service used.</param>
/// <param name="PeakBytes">The most memory that the Bff held.</param>
internal sealed record OverloadRun(bool IsOn, double Load, Fate[] Fates, double[] Cores, long PeakBytes);

/// <summary>
/// The real Bff before a domain service whose answers cost a definite work, at up to ten times what both can do, with all protections off and with all on as they
/// are by default. Each is a process; the load is this one.
/// </summary>
internal static class OverloadBenchmark
{
    public const int MaxSockets = 8000;
    private const int Seed = 2026;

    /// <summary>How long an answer is of use: the Bff's own default.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(1);

    /// <summary>How many ask at a time to find the capacity; the first only warms up.</summary>
    public static readonly int[] Callers = [16, 4, 8, 16];

    // So that what a load has left behind is gone before the next one.
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_round = TimeSpan.FromSeconds(4);

    private static readonly string[] s_off =
    [
        "--Protection:Admission:Enabled=false", "--Protection:RateLimit:Enabled=false", "--Protection:Cache:Enabled=false", "--Protection:Dependencies:Breaker=false",
        "--Protection:Dependencies:BulkheadPlaces=1000000", "--Protection:Dependencies:RetryAttempts=1", "--Protection:Dependencies:CallTimeout=00:00:10",
        "--Protection:Degrade:Feed=Off", "--Protection:Degrade:Mall=Off", "--Protection:Quota:Enabled=false", "--Protection:Dependencies:Limit:Enabled=false",
    ];

    public static async Task<int> RunAsync(string[] args)
    {
        var plan = OverloadPlan.Parse(args);
        var conditions = await Conditions.DescribeAsync();
        var (answered, refused) = await RefusalCost.MeasureAsync();
        var (computes, waits) = (await RunAsync(plan, plan.Work, plan.Loads), await RunAsync(plan, plan.Waits, plan.WaitLoads));
        var page = new OverloadPage(plan, computes, waits, answered, refused, conditions);
        var picture = Path.ChangeExtension(plan.Out ?? "overload.md", ".svg");
        var text = page.ToMarkdown(Path.GetFileName(picture));
        Console.WriteLine(text);
        if (plan.Out is null) return 0;
        await File.WriteAllTextAsync(plan.Out, text);
        await File.WriteAllTextAsync(picture, page.ToSvg());
        return 0;
    }

    private static async Task<OverloadSeries> RunAsync(OverloadPlan plan, Work work, double[] loads)
    {
        if (loads.Length == 0) return new OverloadSeries(plan, work, 0, []);
        var (capacity, off) = await RunAsync(isOn: false, null, plan, work, loads);
        var (_, on) = await RunAsync(isOn: true, capacity, plan, work, loads);
        return new OverloadSeries(plan, work, capacity, [.. off, .. on]);
    }

    private static async Task<(double Capacity, List<OverloadRun> Runs)> RunAsync(bool isOn, double? capacity, OverloadPlan plan, Work work, double[] loads)
    {
        using var folder = new TemporaryFolder();
        var (feed, bff) = (FreePort.Next(), FreePort.Next());
        await using var upstream = await ServerProcess.StartAsync(folder.Path, "FeedMall.Benchmarks", feed, "overload-upstream", Text(feed), work.ToString());
        await using var edge = await ServerProcess.StartAsync(folder.Path, "Bff", bff, [$"--DataDirectory={folder.Path}", $"--Bff:Url=http://127.0.0.1:{bff}", "--Bff:GovernorUrl=",
            "--Bff:Cache:Enabled=false", $"--Bff:FeedAddresses=http://127.0.0.1:{feed}", .. isOn ? [] : s_off]);
        var target = new IPEndPoint(IPAddress.Loopback, bff);
        // Also warms it up.
        var closed = await CapacityAsync(target);
        var runs = new List<OverloadRun>();
        foreach (var load in loads)
        {
            await Task.Delay(s_pause);
            runs.Add(await RunAsync(isOn, load, load * (capacity ?? closed), plan, target, edge, upstream));
            Console.Error.WriteLine(OverloadSeries.Brief(runs[^1], plan));
        }
        return (closed, runs);
    }

    // The best of several numbers of callers, each of whom waits for its last answer. The first round only warms up.
    private static async Task<double> CapacityAsync(IPEndPoint target)
    {
        double best = 0;
        foreach (var callers in Callers)
        {
            using var load = new OpenLoop(target, callers);
            async Task AskAsync(CancellationToken _)
            {
                if (await load.AskAsync() is { Status: not 200 } reply) throw new HttpRequestException($"{reply.Status} {reply.Reason}");
            }
            var round = await ClosedLoop.RunAsync(AskAsync, callers, s_round);
            Console.Error.WriteLine($"{callers} callers: {round.PerSecond:N0}/s");
            best = Math.Max(best, round.PerSecond);
        }
        return best;
    }

    private static async Task<OverloadRun> RunAsync(bool isOn, double load, double perSecond, OverloadPlan plan, IPEndPoint target, ServerProcess edge, ServerProcess upstream)
    {
        TimeSpan[] Cpu() => [Environment.CpuUsage.TotalTime, edge.Cpu, upstream.Cpu];
        var arrivals = Arrivals.Plan(perSecond, plan.Lead + plan.Measured, Seed);
        using var loop = new OpenLoop(target, MaxSockets);
        using var ended = new CancellationTokenSource();
        var watch = edge.WatchAsync(ended.Token);
        var (began, before) = (Stopwatch.GetTimestamp(), Cpu());
        var fates = await Task.Factory.StartNew(() => loop.Run(arrivals), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var elapsed = Stopwatch.GetElapsedTime(began);
        var cores = Cpu().Zip(before, (after, before) => (after - before) / elapsed).ToArray();
        await ended.CancelAsync();
        return new OverloadRun(isOn, load, fates, cores, await watch);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
