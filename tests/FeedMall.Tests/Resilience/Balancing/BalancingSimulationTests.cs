using FeedMall.Testing.Balancing;
using Xunit;

namespace FeedMall.Tests.Resilience.Balancing;

/// <summary>Runs every scenario under every policy once.</summary>
public sealed class BalancingRuns
{
    public BalancingTable Table { get; } = BalancingTable.Run();
}

/// <summary>The ranges are those of ALGORITHMS §9.3; where it names none, the policies are compared with each other.</summary>
public sealed class BalancingSimulationTests(BalancingRuns runs, ITestOutputHelper output) : IClassFixture<BalancingRuns>
{
    private const string Ewma = BalancingTable.Ewma;
    private const string InFlight = BalancingTable.InFlight;
    private const string RoundRobin = BalancingTable.RoundRobin;
    private static readonly string[] s_all = [.. BalancingTable.Policies.Keys];

    [Fact]
    public void The_table_is_complete()
    {
        output.WriteLine(runs.Table.ToString());
        Assert.Equal(2 + BalancingScenarios.All.Sum(scenario => scenario.Figures.Count), runs.Table.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void The_same_seed_gives_the_same_run() => Assert.All(s_all, policy => Assert.Equal(
        runs.Table[BalancingScenarios.Equal, policy].Calls, BalancingSimulation.Run(BalancingScenarios.Equal, BalancingTable.Policies[policy]).Calls));

    [Fact]
    public void Every_request_is_answered_once() => Assert.All(s_all, policy =>
    {
        var run = runs.Table[BalancingScenarios.Equal, policy];
        Assert.InRange(run.Calls.Count, 29_000, 31_000);
        Assert.Equal(0, run.ErrorPercent);
    });

    [Fact]
    public void Equal_servers_get_equal_shares()
    {
        Assert.All(s_all, policy => Assert.InRange(runs.Table[BalancingScenarios.Equal, policy].Share(0), 0.9, 1.1));
        Assert.True(P99(BalancingScenarios.Equal, Ewma) <= 1.02 * P99(BalancingScenarios.Equal, RoundRobin));
        Assert.InRange(P99(BalancingScenarios.Equal, Ewma), 43, 50);
    }

    [Fact]
    public void A_slow_server_gets_little_and_holds_nobody_up()
    {
        Assert.InRange(runs.Table[BalancingScenarios.Slow, Ewma].Share(0), 0.05, 0.25);
        Assert.InRange(runs.Table[BalancingScenarios.Slow, InFlight].Share(0), 0.25, 0.5);
        Assert.InRange(P99(BalancingScenarios.Slow, Ewma), 45, 65);
        Assert.True(P99(BalancingScenarios.Slow, Ewma) < P99(BalancingScenarios.Slow, InFlight));
        Assert.True(P99(BalancingScenarios.Slow, RoundRobin) > 1000, "round robin should drown the slow server, or the scenario is too mild");
    }

    [Fact]
    public void A_server_that_fails_at_once_is_no_black_hole()
    {
        Assert.InRange(runs.Table[BalancingScenarios.FailsFast, Ewma].ErrorPercent, 0.001, 0.1);
        Assert.InRange(runs.Table[BalancingScenarios.FailsFast, RoundRobin].ErrorPercent, 9, 11);
        Assert.True(runs.Table[BalancingScenarios.FailsFast, InFlight].Share(0) > 1.5, "in-flight alone is drawn to the failing server");
    }

    [Fact]
    public void A_server_that_fails_half_the_time_gets_little()
    {
        Assert.InRange(runs.Table[BalancingScenarios.HalfFails, Ewma].Share(0), 0.02, 0.3);
        Assert.InRange(runs.Table[BalancingScenarios.HalfFails, Ewma].ErrorPercent, 0.1, 1.5);
        Assert.InRange(runs.Table[BalancingScenarios.HalfFails, RoundRobin].ErrorPercent, 4.5, 5.5);
    }

    [Fact]
    public void A_server_that_is_well_again_is_back_at_its_share_soon()
    {
        var run = runs.Table[BalancingScenarios.Heals, Ewma];
        Assert.InRange(run.Share(0, 1, 20), 0, 0.01);
        Assert.InRange(run.Share(0, 20, 25), 0.4, 1.2);
        Assert.InRange(run.Share(0, 25, 30), 0.8, 1.2);
        Assert.InRange(run.Share(0, 50), 0.8, 1.2);
    }

    [Fact]
    public void A_server_that_joins_is_neither_flooded_nor_starved()
    {
        var run = runs.Table[BalancingScenarios.Joins, Ewma];
        Assert.InRange(run.Share(10, 10, 12), 0.01, 0.2);
        Assert.InRange(run.Share(10, 15, 17), 0.4, 0.8);
        Assert.InRange(run.Share(10, 25), 0.9, 1.15);
    }

    [Fact]
    public void A_cold_server_holds_up_fewer_requests_than_under_any_other_policy() => Assert.All(s_all.Except([Ewma]), policy =>
        Assert.True(runs.Table[BalancingScenarios.JoinsCold, Ewma].Percentile(0.999) < runs.Table[BalancingScenarios.JoinsCold, policy].Percentile(0.999), policy));

    [Fact]
    public void Jitter_a_long_tail_and_a_jump_of_the_load_cost_no_more_than_under_round_robin()
    {
        BalancingScenario[] scenarios = [BalancingScenarios.Jitter, BalancingScenarios.LongTail, BalancingScenarios.LoadJump];
        // 2 % is what a p99 moves from seed to seed.
        Assert.All(scenarios, scenario => Assert.True(P99(scenario, Ewma) <= 1.02 * P99(scenario, RoundRobin),
            $"{scenario.Name}: {P99(scenario, Ewma)} against {P99(scenario, RoundRobin)}"));
        Assert.All(scenarios, scenario => Assert.InRange(runs.Table[scenario, Ewma].Share(0), 0.85, 1.15));
    }

    [Fact]
    public void Fifty_clients_that_know_nothing_of_each_other_avoid_a_slow_server()
    {
        Assert.InRange(runs.Table[BalancingScenarios.ManyClients, Ewma].Share(0), 0.1, 0.5);
        Assert.True(P99(BalancingScenarios.ManyClients, Ewma) < 0.5 * P99(BalancingScenarios.ManyClients, InFlight));
    }

    [Fact]
    public void Servers_that_die_cost_what_was_there_and_get_their_share_back() => Assert.All(s_all, policy =>
    {
        var run = runs.Table[BalancingScenarios.Restart, policy];
        // What was in ten servers and on the network when they died: a few each, of 70 000.
        Assert.InRange(run.Calls.Count(call => !call.Succeeded), 5, 60);
        Assert.Equal(0, run.Share(0, 5.01, 6));
        Assert.InRange(run.Share(0, 6, 7), 0.7, 1.3);
        Assert.InRange(run.Share(0, 25), 0.85, 1.15);
    });

    private double P99(BalancingScenario scenario, string policy) => runs.Table[scenario, policy].Percentile(0.99);
}
