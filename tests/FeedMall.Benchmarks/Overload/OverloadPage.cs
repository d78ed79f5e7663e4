using System.Globalization;
using FeedMall.Benchmarks.Plots;
using FeedMall.Resilience.Queueing;

namespace FeedMall.Benchmarks.Overload;

/// <summary>The runs as a page and a picture.</summary>
internal sealed class OverloadPage(OverloadPlan plan, double capacity, IReadOnlyList<OverloadRun> runs, RequestCost answered, RequestCost refused, string conditions)
{
    // What was done after the first figures, each taken by this benchmark.
    private const string Changes = """
        What was done for it: a refusal used to take part in the making of an answer (a flight of its own that admission then refused), was logged, and was written in
        chunks. Now who would be refused at the door is refused before anything is begun, counted and not logged, and written at once. Before and after, taken in
        turns: 91 and 112 µs of processor time, then 32 and 30; 0.20 and 0.22 ms, then 0.08 and 0.08; 17,661 and 14,502 refusals/s, then 39,942 and 43,536.
        """;

    private const string Limits = """
        What this does not show: a domain service that waits where this one computes (with `--work 0/4/10`: ten milliseconds with one of four places, as for a
        database). The Bff's processor then has nothing to do, so admission sees no load, and only the bulkhead of the service refuses. That keeps all of the peak at 2×
        and 5× (8 % and 2 % with the protections off), but refuses by chance: 53 % and 22 % of critical_plus were good (commit `e4f496a`, when a call
        had all the time of its request).

        Not reached yet: nine tenths of the peak, and 99 % of critical_plus. Until commit `6ce8afb` a call had all the time of its request, and both were (2×: 100 %
        and 100.0 %, 5×: 95 % and 100.0 %, 10×: 89 % and 100.0 %). Now a read has 100 ms: what waits longer in the domain service fails, the breaker of the method counts that, and it
        refuses by chance, whoever asks.
        """;

    private static readonly Criticality[] s_tiers = Enum.GetValues<Criticality>();

    private double Seconds => plan.Measured.TotalSeconds;

    // The best that was seen at all: with callers who wait for their answers, or in any of the runs.
    private double Peak => Math.Max(capacity, runs.Max(Goodput));

    public string ToMarkdown(string picture) => string.Create(CultureInfo.InvariantCulture, $"""
        # The edge under overload, with its protections and without

        The real Bff before a domain service, each a process, and an open loop of requests for posts at up to ten times what both can do together: first with all
        protections off, then with all of them on as they are by default. An answer is good when it is a 200 and comes within {OverloadBenchmark.Deadline.TotalSeconds:0} s (the Bff's own default) of the
        moment when its request was to be sent.

        ![Good answers per second by load]({picture})

        Made by `./bench overload --out docs/results/overload.md`.

        {conditions}

        - **The work.** For each answer the domain service {plan.Work.Describe()}, and has no protection but its deadline. Each request is for another
          post, so no cache can help. The common store of the caches is left out. Logs are written as by default, to a file.
        - **The capacity.** {capacity:N0} answers/s, the best of {string.Join(", ", OverloadBenchmark.Callers.Skip(1).Order())} callers who each wait for their last answer, protections off: 1× in the tables. The peak is the best of that and of all runs: {Peak:N0}/s.
        - **The load.** Times are drawn before the start, at random distances (a Poisson process with a fixed seed), and do not depend on any answer. {Arrivals.Mix[0] / 10} % of the requests
          are critical_plus, {Arrivals.Mix[1] / 10} % critical, {Arrivals.Mix[2] / 10} % each sheddable_plus and sheddable, of {Arrivals.Clients:N0} clients. A request has a connection to itself, of at most {OverloadBenchmark.MaxSockets:N0}; who has no whole answer
          after {OpenLoop.Patience.TotalSeconds:0} s goes away. Each load lasts {(plan.Lead + plan.Measured).TotalSeconds:0} s; the figures are of the last {Seconds:0} s; the first {plan.Lead.TotalSeconds:0} s are in the last table.
        - **The machine** is shared by all of them. The last table says what the load took of it, and how late it was: from when a request was to be sent until it was.

        | load | offered/s | protections | good/s | of the peak | p50 ms | p99 ms | critical_plus good | critical | sheddable_plus | sheddable | Bff's memory |
        | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
        {Rows(runs.OrderBy(run => run.Load).ThenBy(run => run.IsOn), Row)}

        ## Who got no good answer, and why

        Per second, and by tier. Times are those from the client's side until the whole answer.

        | load | protections | what came | per second | p50 ms | p99 ms | critical_plus | critical | sheddable_plus | sheddable |
        | ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
        {Rows(runs.OrderBy(run => run.Load).ThenBy(run => run.IsOn).SelectMany(Failures), row => row)}

        ## What a refusal costs

        A Bff all of whose places are taken, beside one that hands the work to a domain service that does none. With one caller: how long it takes. With 16: how many, and the
        processor time of the Bff's process for each. A test (`tests/FeedMall.IntegrationTests/Bff/Protection/AdmissionTests.cs`) shows that the body is not read.

        | | p50 ms | p99 ms | per second | CPU µs |
        | --- | ---: | ---: | ---: | ---: |
        {Cost("answered", answered)}
        {Cost("refused", refused)}

        {Changes}

        {Limits}

        ## The load itself, and the first seconds

        | load | protections | load: cores | Bff: cores | domain service: cores | sent late: p50 ms | p99 ms | most | good in each of the first seconds |
        | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
        {Rows(runs.OrderBy(run => run.Load).ThenBy(run => run.IsOn), Machine)}

        """);

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

    private static string Rows<T>(IEnumerable<T> items, Func<T, string> row) => string.Join('\n', items.Select(row));

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
        .GroupBy(fate => fate.Reply.Status switch { 200 => fate.Reply.Reason is null ? "200, too late" : "200, degraded", 0 => fate.Reply.Reason!, var status => $"{status} `{fate.Reply.Reason}`" })
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

    private static string Cost(string name, RequestCost cost) => string.Create(CultureInfo.InvariantCulture,
        $"| {name} | {cost.Calm.Median.TotalMilliseconds:0.00} | {cost.Calm.P99.TotalMilliseconds:0.00} | {cost.Busy.PerSecond:N0} | {cost.Microseconds:0} |");

    private static string At(List<TimeSpan> times, double share)
    {
        if (times.Count == 0) return "–";
        times.Sort();
        return times[Math.Min(times.Count - 1, (int)(times.Count * share))].TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture);
    }
}
