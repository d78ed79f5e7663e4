using System.Globalization;
using FeedMall.Benchmarks.Plots;
using FeedMall.Resilience.Queueing;

namespace FeedMall.Benchmarks.Overload;

/// <summary>All loads on one kind of domain service, with the protections off and on, as rows of tables.</summary>
/// <param name="work">Of the domain service.</param>
/// <param name="capacity">Answers per second to callers who each wait for their last answer.</param>
internal sealed class OverloadSeries(OverloadPlan plan, Work work, double capacity, IReadOnlyList<OverloadRun> runs)
{
    private static readonly Criticality[] s_tiers = Enum.GetValues<Criticality>();

    public Work Work => work;

    public double Capacity => capacity;

    /// <summary>The best that was seen at all: with callers who wait for their answers, or in any of the runs.</summary>
    public double Peak => Math.Max(capacity, runs.Select(Goodput).DefaultIfEmpty().Max());

    public string Table => string.Join('\n', (string[])
    [
        "| load | offered/s | protections | good/s | of the peak | p50 ms | p99 ms | critical_plus good | critical | sheddable_plus | sheddable | Bff's memory |",
        "| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", .. Sorted.Select(Row),
    ]);

    public string FailureTable => string.Join('\n', (string[])
    [
        "| load | protections | what came | per second | p50 ms | p99 ms | critical_plus | critical | sheddable_plus | sheddable |",
        "| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", .. Sorted.SelectMany(Failures),
    ]);

    public string MachineTable => string.Join('\n', (string[])
    [
        "| load | protections | load: cores | Bff: cores | domain service: cores | sent late: p50 ms | p99 ms | most | good in each of the first seconds |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |", .. Sorted.Select(Machine),
    ]);

    private IEnumerable<OverloadRun> Sorted => runs.OrderBy(run => run.Load).ThenBy(run => run.IsOn);

    private double Seconds => plan.Measured.TotalSeconds;

    public string ToSvg() => new LineChart("Good answers per second by load", "load in capacities", "good answers per second",
    [
        Line("on", runs.Where(run => run.IsOn), Goodput), Line("off", runs.Where(run => !run.IsOn), Goodput),
        Line("on, critical_plus", runs.Where(run => run.IsOn), run => Good(run, Criticality.CriticalPlus)),
        Line("critical_plus offered", runs.Where(run => run.IsOn), run => Measured(run).Count(fate => fate.Arrival.Tier == Criticality.CriticalPlus) / Seconds),
    ]).ToSvg();

    /// <summary>One run in short, while it goes on.</summary>
    public static string Brief(OverloadRun run, OverloadPlan plan)
    {
        var fates = run.Fates.Where(fate => fate.Arrival.At >= plan.Lead.Ticks).ToList();
        return string.Create(CultureInfo.InvariantCulture, $"{Mode(run)} {run.Load}×: {fates.Count(IsGood) / plan.Measured.TotalSeconds:N0} good/s of {fates.Count / plan.Measured.TotalSeconds:N0}/s");
    }

    private static Series Line(string name, IEnumerable<OverloadRun> runs, Func<OverloadRun, double> figure) => new(name, [(0, 0), .. runs.Select(run => (run.Load, figure(run)))]);

    private static bool IsGood(Fate fate) => fate.Reply is { Status: 200, Reason: null } && fate.Latency <= OverloadBenchmark.Deadline;

    private static string Mode(OverloadRun run) => run.IsOn ? "on" : "off";

    private List<Fate> Measured(OverloadRun run) => [.. run.Fates.Where(fate => fate.Arrival.At >= plan.Lead.Ticks)];

    private double Goodput(OverloadRun run) => Measured(run).Count(IsGood) / Seconds;

    private double Good(OverloadRun run, Criticality tier) => Measured(run).Count(fate => fate.Arrival.Tier == tier && IsGood(fate)) / Seconds;

    private string Row(OverloadRun run)
    {
        var fates = Measured(run);
        var good = fates.Where(IsGood).Select(fate => fate.Latency).ToList();
        var shares = s_tiers.Select(tier => fates.Where(fate => fate.Arrival.Tier == tier).ToList()).Select(of => (100.0 * of.Count(IsGood) / of.Count).ToString("0.0 '%'", CultureInfo.InvariantCulture));
        return string.Create(CultureInfo.InvariantCulture,
            $"| {run.Load}× | {fates.Count / Seconds:N0} | {Mode(run)} | {Goodput(run):N0} | {100 * Goodput(run) / Peak:0} % | {At(good, .5)} | {At(good, .99)} | {string.Join(" | ", shares)} | {run.PeakBytes >> 20} MB |");
    }

    private IEnumerable<string> Failures(OverloadRun run) => Measured(run).Where(fate => !IsGood(fate))
        .GroupBy(fate => fate.Reply.Status switch { 200 => fate.Reply.Reason is null ? "200, too late" : "200, degraded", 0 => fate.Reply.Reason!, var status => $"{status} `{fate.Reply.Reason}`{(fate.Reply.Mechanism is { } by ? $" by {by}" : "")}" })
        .OrderByDescending(kind => kind.Count()).Select(kind =>
        {
            var times = kind.Select(fate => fate.Latency).ToList();
            var tiers = s_tiers.Select(tier => (kind.Count(fate => fate.Arrival.Tier == tier) / Seconds).ToString("N1", CultureInfo.InvariantCulture));
            return string.Create(CultureInfo.InvariantCulture, $"| {run.Load}× | {Mode(run)} | {kind.Key} | {kind.Count() / Seconds:N1} | {At(times, .5)} | {At(times, .99)} | {string.Join(" | ", tiers)} |");
        });

    private string Machine(OverloadRun run)
    {
        var lags = Measured(run).Where(fate => fate.Reply != OpenLoop.NoSocket).Select(fate => fate.Lag).ToList();
        var first = Enumerable.Range(0, (int)plan.Lead.TotalSeconds).Select(second => run.Fates.Count(fate => fate.Arrival.At / TimeSpan.TicksPerSecond == second && IsGood(fate)));
        return string.Create(CultureInfo.InvariantCulture,
            $"| {run.Load}× | {Mode(run)} | {run.Cores[0]:0.00} | {run.Cores[1]:0.00} | {run.Cores[2]:0.00} | {At(lags, .5)} | {At(lags, .99)} | {At(lags, 1)} | {string.Join(", ", first)} |");
    }

    private static string At(List<TimeSpan> times, double share)
    {
        if (times.Count == 0) return "–";
        times.Sort();
        return times[Math.Min(times.Count - 1, (int)(times.Count * share))].TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture);
    }
}
