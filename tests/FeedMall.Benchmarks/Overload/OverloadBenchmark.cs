using System.Diagnostics;
using System.Globalization;
using System.Net;
using FeedMall.Benchmarks.Edge;
using FeedMall.Testing;

namespace FeedMall.Benchmarks.Overload;

/// <summary>What is asked for on the command line.</summary>
internal sealed record OverloadPlan(string? Out, TimeSpan Lead, TimeSpan Measured, int WorkKilobytes, double[] Loads);

/// <summary>One load on one Bff.</summary>
/// <param name="Load">In capacities.</param>
/// <param name="Fates">Of all requests, those of the lead too.</param>
/// <param name="Cpu">Processor time of the generator, the Bff and the domain service, in cores.</param>
/// <param name="PeakBytes">The most memory that the Bff held.</param>
internal sealed record OverloadRun(bool IsOn, double Load, double Offered, Fate[] Fates, double[] Cpu, long PeakBytes);

/// <summary>
/// The real Bff before a domain service whose answers cost a definite work, at up to ten times what both can do, with all protections off and with all on as they
/// are by default. Each is a process; the load is this one.
/// </summary>
internal static class OverloadBenchmark
{
    /// <summary>How long an answer is of use: the Bff's own default.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(1);

    private const int MaxSockets = 8000;
    private const int Seed = 20_26;

    private static readonly string[] s_off =
    [
        "--Protection:Admission:Enabled=false", "--Protection:RateLimit:Enabled=false", "--Protection:Cache:Enabled=false", "--Protection:Dependencies:Breaker=false",
        "--Protection:Dependencies:BulkheadPlaces=1000000",
    ];

    public static async Task<int> RunAsync(string[] args)
    {
        var seconds = (string name, string fallback) => TimeSpan.FromSeconds(double.Parse(Option(args, name) ?? fallback, CultureInfo.InvariantCulture));
        var plan = new OverloadPlan(Option(args, "--out"), seconds("--lead", "5"), seconds("--seconds", "10"), int.Parse(Option(args, "--work") ?? "8192", CultureInfo.InvariantCulture),
            [.. (Option(args, "--loads") ?? "1,2,5,10").Split(',').Select(load => double.Parse(load, CultureInfo.InvariantCulture))]);
        if (Option(args, "--only") == "refusal")
        {
            var (answered, refused) = await RefusalCost.MeasureAsync();
            foreach (var cost in new[] { answered, refused }) Console.Error.WriteLine($"calm {cost.Calm.PerSecond:N0}/s p50 {cost.Calm.Median.TotalMilliseconds:0.000} p99 {cost.Calm.P99.TotalMilliseconds:0.000} fail {cost.Calm.Failures}; busy {cost.Busy.PerSecond:N0}/s fail {cost.Busy.Failures} {cost.Microseconds:0.0} µs");
            return 0;
        }
        using var folder = new TemporaryFolder();
        var runs = new List<OverloadRun>();
        double capacity = 0;
        foreach (var isOn in (Option(args, "--only") ?? "off,on").Split(',').Select(mode => mode == "on"))
        {
            var (feed, bff) = (FreePort.Next(), FreePort.Next());
            await using var upstream = await ServerProcess.StartAsync(folder.Path, "FeedMall.Benchmarks", feed, "overload-upstream", feed.ToString(CultureInfo.InvariantCulture), plan.WorkKilobytes.ToString(CultureInfo.InvariantCulture));
            await using var edge = await ServerProcess.StartAsync(folder.Path, "Bff", bff, [$"--DataDirectory={folder.Path}", $"--Bff:Url=http://127.0.0.1:{bff}", "--Bff:GovernorUrl=http://127.0.0.1:19080",
                "--Bff:Cache:Enabled=false", $"--Bff:FeedAddresses=http://127.0.0.1:{feed}", .. isOn ? [] : s_off]);
            var target = new IPEndPoint(IPAddress.Loopback, bff);
            var closed = await CapacityAsync(target);
            Console.Error.WriteLine($"{(isOn ? "on" : "off")}: {closed.PerSecond:N0}/s with 16 callers, p50 {closed.Median.TotalMilliseconds:0.0} ms, p99 {closed.P99.TotalMilliseconds:0.0} ms, {closed.Failures} failures");
            if (capacity == 0) capacity = Option(args, "--capacity") is { } told ? double.Parse(told, CultureInfo.InvariantCulture) : closed.PerSecond;
            foreach (var load in plan.Loads)
            {
                runs.Add(await RunAsync(isOn, load, load * capacity, plan, target, edge, upstream));
                Console.Error.WriteLine(OverloadPage.Line(runs[^1], plan));
                await Task.Delay(3000);
            }
            if (Option(args, "--hold") is not null) Console.ReadLine();
        }
        return 0;
    }

    private static async Task<Round> CapacityAsync(IPEndPoint target)
    {
        using var load = new OpenLoop(target, 16);
        async Task AskAsync(CancellationToken _)
        {
            if (await load.AskAsync() is { Status: not 200 } reply) throw new HttpRequestException($"{reply.Status} {reply.Reason}");
        }
        await ClosedLoop.RunAsync(AskAsync, 16, TimeSpan.FromSeconds(5));
        return await ClosedLoop.RunAsync(AskAsync, 16, TimeSpan.FromSeconds(5));
    }

    private static async Task<OverloadRun> RunAsync(bool isOn, double load, double offered, OverloadPlan plan, IPEndPoint target, ServerProcess edge, ServerProcess upstream)
    {
        var arrivals = Arrivals.Plan(offered, plan.Lead + plan.Measured, Seed);
        using var loop = new OpenLoop(target, MaxSockets);
        using var ended = new CancellationTokenSource();
        edge.TakePeak();
        var watch = edge.WatchAsync(ended.Token);
        var (began, cpu) = (Stopwatch.GetTimestamp(), Cpu(edge, upstream));
        var fates = await Task.Factory.StartNew(() => loop.Run(arrivals), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var elapsed = Stopwatch.GetElapsedTime(began);
        var used = Cpu(edge, upstream).Zip(cpu, (after, before) => (after - before) / elapsed).ToArray();
        await ended.CancelAsync();
        await watch;
        return new OverloadRun(isOn, load, offered, fates, used, edge.TakePeak());
    }

    private static TimeSpan[] Cpu(ServerProcess edge, ServerProcess upstream) => [Environment.CpuUsage.TotalTime, edge.Cpu, upstream.Cpu];

    private static string? Option(string[] args, string name)
    {
        var at = Array.IndexOf(args, name);
        return at >= 0 && at + 1 < args.Length ? args[at + 1] : null;
    }
}
