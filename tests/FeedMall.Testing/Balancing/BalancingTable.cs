using System.Globalization;
using System.Text;
using FeedMall.Resilience;
using FeedMall.Resilience.Balancing;

namespace FeedMall.Testing.Balancing;

/// <summary>Every scenario under every policy.</summary>
public sealed class BalancingTable
{
    /// <summary>The policies by the name of their column.</summary>
    public static IReadOnlyDictionary<string, Func<BalancerOptions, TimeProvider, IChance, Balancer>> Policies { get; } =
        new Dictionary<string, Func<BalancerOptions, TimeProvider, IChance, Balancer>>
        {
            [Random] = (options, clock, chance) => new RandomBalancer(options, clock, chance),
            [RoundRobin] = (options, clock, chance) => new SmoothWeightedRoundRobin(options, clock, chance),
            [InFlight] = (options, clock, chance) => new LeastInFlight(options, clock, chance),
            [Ewma] = (options, clock, chance) => new EwmaBalancer(options, clock, chance),
        };

    /// <summary>Column.</summary>
    public const string Random = "random";

    /// <summary>Column.</summary>
    public const string RoundRobin = "round robin";

    /// <summary>Column.</summary>
    public const string InFlight = "P2C in flight";

    /// <summary>Column.</summary>
    public const string Ewma = "P2C EWMA";

    private readonly Dictionary<(string Scenario, string Policy), SimulationResult> _results = [];

    private BalancingTable() { }

    /// <summary>One run.</summary>
    public SimulationResult this[BalancingScenario scenario, string policy] => _results[(scenario.Name, policy)];

    /// <summary>Runs everything, a run on each core.</summary>
    public static BalancingTable Run(int seed = 1)
    {
        var table = new BalancingTable();
        var runs = BalancingScenarios.All.SelectMany(_ => Policies.Keys, (scenario, policy) => (scenario, policy))
            .AsParallel().Select(run => (run.scenario, run.policy, result: BalancingSimulation.Run(run.scenario, Policies[run.policy], seed)));
        foreach (var (scenario, policy, result) in runs) table._results[(scenario.Name, policy)] = result;
        return table;
    }

    /// <summary>As a Markdown table.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"| scenario | figure | {string.Join(" | ", Policies.Keys)} |");
        text.AppendLine(CultureInfo.InvariantCulture, $"| --- | --- |{string.Concat(Policies.Keys.Select(_ => " ---: |"))}");
        foreach (var scenario in BalancingScenarios.All)
        {
            foreach (var figure in scenario.Figures)
            {
                var values = Policies.Keys.Select(policy => figure.Of(this[scenario, policy]).ToString(figure.Format, CultureInfo.InvariantCulture));
                text.AppendLine(CultureInfo.InvariantCulture, $"| {(figure == scenario.Figures[0] ? scenario.Name : "")} | {figure.Name} | {string.Join(" | ", values)} |");
            }
        }
        return text.ToString();
    }
}
