using System.Globalization;
using System.Text;
using FeedMall.Resilience.Bulkheads;
using FeedMall.Resilience.Limiting;
using FeedMall.Resilience.Load;
using FeedMall.Resilience.Queueing;

namespace FeedMall.Testing.Overload;

/// <summary>Every scenario under every policy.</summary>
public sealed class OverloadTable
{
    private static readonly BbrLimiterOptions s_bbr = new() { Ceiling = 64 };

    /// <summary>No protection at all: a queue in the order of arrival.</summary>
    public static OverloadPolicy None { get; } = new("nothing", (_, clock) => new Bulkhead(new BulkheadOptions { Places = 1_000_000 }, clock));

    /// <summary>The same, but nobody works on what is not wanted any more.</summary>
    public static OverloadPolicy Expiry { get; } = None with { Name = "expired ones thrown away", DropsExpired = true };

    /// <summary>BBR as others have it: a slow signal, no ceiling, no baseline.</summary>
    public static OverloadPolicy SlowBbr { get; } = new("BBR, slow signal, no ceiling",
        (load, clock) => new BbrLimiter(s_bbr with { Ceiling = 1_000_000, BaselineFactor = 1_000_000 }, load, clock))
    {
        Signal = new LoadOptions { Tick = TimeSpan.FromMilliseconds(500), CpuDecay = 0.95 },
    };

    /// <summary>Ours alone.</summary>
    public static OverloadPolicy Bbr { get; } = new("BBR", (load, clock) => new BbrLimiter(s_bbr, load, clock));

    /// <summary>The one without a load signal.</summary>
    public static OverloadPolicy Gradient { get; } = new("gradient", (_, clock) => new GradientLimiter(new GradientLimiterOptions(), clock));

    /// <summary>Controlled delay and adaptive LIFO before exactly as many places as there are workers.</summary>
    public static OverloadPolicy Places { get; } = new("4 places + queue",
        (_, clock) => new Bulkhead(new BulkheadOptions { Places = OverloadScenario.Workers }, clock), new AdmissionQueueOptions());

    /// <summary>The same queue before the gradient limiter.</summary>
    public static OverloadPolicy GradientQueue { get; } = Gradient with { Name = "gradient + queue", Queue = new AdmissionQueueOptions() };

    /// <summary>The default.</summary>
    public static OverloadPolicy BbrQueue { get; } = Bbr with { Name = "BBR + queue", Queue = new AdmissionQueueOptions() };

    /// <summary>In the order of the table.</summary>
    public static IReadOnlyList<OverloadPolicy> Policies { get; } = [None, Expiry, SlowBbr, Bbr, Gradient, Places, GradientQueue, BbrQueue];

    /// <summary>Nearly all that the server can do.</summary>
    public static OverloadScenario Nearly { get; } = new("0.95 ×") { Load = 0.95 };

    /// <summary>A little too much.</summary>
    public static OverloadScenario Little { get; } = new("1.2 ×") { Load = 1.2 };

    /// <summary>Twice.</summary>
    public static OverloadScenario Twice { get; } = new("2 ×") { Load = 2 };

    /// <summary>Twice, and each client tries three times.</summary>
    public static OverloadScenario Retried { get; } = new("2 ×, 2 retries") { Load = 2, Retries = 2 };

    /// <summary>Four times.</summary>
    public static OverloadScenario FourTimes { get; } = new("4 ×") { Load = 4 };

    /// <summary>Ten times.</summary>
    public static OverloadScenario TenTimes { get; } = new("10 ×") { Load = 10 };

    /// <summary>Four times, of all tiers.</summary>
    public static OverloadScenario Tiers { get; } = new("4 ×, four tiers") { Load = 4, Tiers = [0.1, 0.3, 0.3, 0.3] };

    /// <summary>In the order of the table.</summary>
    public static IReadOnlyList<OverloadScenario> Scenarios { get; } = [Nearly, Little, Twice, Retried, FourTimes, TenTimes, Tiers];

    private readonly Dictionary<(string Scenario, string Policy), OverloadResult> _results = [];

    private OverloadTable() { }

    /// <summary>One run.</summary>
    public OverloadResult this[OverloadScenario scenario, OverloadPolicy policy] => _results[(scenario.Name, policy.Name)];

    /// <summary>Runs everything, a run on each core.</summary>
    public static OverloadTable Run(int seed = 1)
    {
        var table = new OverloadTable();
        var runs = Scenarios.SelectMany(_ => Policies, (scenario, policy) => (scenario, policy))
            .AsParallel().Select(run => (run.scenario, run.policy, result: OverloadSimulation.Run(run.scenario, run.policy, seed)));
        foreach (var (scenario, policy, result) in runs) table._results[(scenario.Name, policy.Name)] = result;
        return table;
    }

    /// <summary>As a Markdown table.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"| policy | {string.Join(" | ", Scenarios.Select(scenario => scenario.Name))} |");
        text.AppendLine(CultureInfo.InvariantCulture, $"| --- |{string.Concat(Scenarios.Select(_ => " ---: |"))}");
        foreach (var policy in Policies)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {policy.Name} | {string.Join(" | ", Scenarios.Select(scenario => Cell(this[scenario, policy])))} |");
        }
        return text.ToString();
    }

    // Good per second at the beginning, in the rest of the overload, after it, and p99 of what was worked on.
    private static string Cell(OverloadResult run) => string.Create(CultureInfo.InvariantCulture,
        $"{run.GoodPerSecond(20, 25):0} {run.GoodPerSecond(25, 45):0} {run.GoodPerSecond(47, 60):0}, {run.P99(25, 45, executed => executed.Milliseconds):0} ms");
}
