using FeedMall.Resilience.Queueing;
using FeedMall.Testing.Overload;
using Xunit;
using static FeedMall.Testing.Overload.OverloadTable;

namespace FeedMall.Tests.Resilience.Queueing;

/// <summary>Runs every scenario under every policy once.</summary>
public sealed class OverloadRuns
{
    public OverloadTable Table { get; } = Run();
}

/// <summary>The ranges are those of ALGORITHMS §3.5, §3.6, §4.3 and §4.5, and of the issue.</summary>
public sealed class OverloadSimulationTests(OverloadRuns runs, ITestOutputHelper output) : IClassFixture<OverloadRuns>
{
    private static readonly OverloadPolicy[] s_ours = [Bbr, Gradient, Places, GradientQueue, BbrQueue];
    private static readonly OverloadScenario[] s_overloads = [Little, Twice, Retried, FourTimes, TenTimes, Tiers];

    [Fact]
    public void The_table_is_complete()
    {
        output.WriteLine(runs.Table.ToString());
        Assert.Equal(2 + Policies.Count, runs.Table.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void The_same_seed_gives_the_same_run() => Assert.Equal(runs.Table[Tiers, BbrQueue].Executed, OverloadSimulation.Run(Tiers, BbrQueue).Executed);

    [Fact]
    public void Every_request_is_counted_once() => Assert.All(Policies, policy =>
    {
        var run = runs.Table[Twice, policy];
        Assert.Equal(run.Requests.Count, run.Seconds.Sum(second => second.Offered));
        Assert.Equal(run.Requests.Count(request => request.IsGood), run.Seconds.Sum(second => second.Good));
        Assert.InRange(run.Requests.Count - run.Seconds.Sum(second => second.Good + second.Late + second.Refused), 0, run.Requests.Count / (policy == None ? 1 : 100));
    });

    [Fact]
    public void Without_protection_the_server_collapses_and_does_not_come_back()
    {
        Assert.All(s_overloads, scenario => Assert.InRange(runs.Table[scenario, None].GoodPerSecond(35, 45), 0, 40));
        Assert.InRange(runs.Table[Twice, None].GoodPerSecond(47, 60), 0, 20);
    }

    [Fact]
    public void Throwing_away_what_has_expired_is_not_enough()
    {
        Assert.InRange(runs.Table[Twice, Expiry].GoodPerSecond(25, 45), 40, 120);
        Assert.InRange(runs.Table[TenTimes, Expiry].GoodPerSecond(25, 45), 0, 40);
    }

    [Fact]
    public void A_limiter_that_notices_late_locks_its_limit_open()
    {
        Assert.InRange(runs.Table[Twice, SlowBbr].GoodPerSecond(25, 45), 0, 40);
        Assert.InRange(runs.Table[FourTimes, SlowBbr].GoodPerSecond(25, 45), 0, 40);
    }

    [Fact]
    public void With_a_queue_goodput_stays_above_nine_tenths_of_the_capacity() => Assert.All([Twice, FourTimes, TenTimes, Tiers, Little], scenario =>
        Assert.All([Places, GradientQueue, BbrQueue], policy => Good(scenario, policy, 360)));

    [Fact]
    public void Retries_leave_four_fifths() => Assert.All(s_ours, policy => Good(Retried, policy, 320));

    [Fact]
    public void Limiters_alone_leave_four_fifths() => Assert.All([Twice, FourTimes, TenTimes, Little], scenario =>
        Assert.All([Bbr, Gradient], policy => Good(scenario, policy, 320)));

    [Fact]
    public void After_the_overload_all_is_well_within_two_seconds() => Assert.All(s_overloads, scenario => Assert.All(s_ours, policy =>
    {
        var run = runs.Table[scenario, policy];
        Assert.InRange(Enumerable.Range(0, 4).Where(tier => scenario.Tiers[tier] > 0).Min(tier => run.GoodShare(tier, 47, 59)), 0.95, 1);
    }));

    [Fact]
    public void The_highest_tier_gets_its_answers_whatever_the_others_do() => Assert.All([Places, GradientQueue, BbrQueue], policy =>
    {
        var run = runs.Table[Tiers, policy];
        Assert.InRange(run.GoodShare(0, OverloadScenario.From, OverloadScenario.To), 0.99, 1);
        // 40 % of the capacity are gone; the 120 % that the second tier wants get the rest, and the lower ones nothing.
        Assert.InRange(run.GoodShare(1, 20, 45), 0.35, 0.5);
        Assert.InRange(run.GoodShare(2, 20, 45), 0, 0.02);
        Assert.InRange(run.GoodShare(3, 20, 45), 0, 0.02);
    });

    [Fact]
    public void The_same_users_are_refused_and_not_everybody_a_bit()
    {
        static double Undecided(OverloadResult run)
        {
            var users = run.Requests.Where(request => request.Tier == 1 && request.At is >= 25 and < 45).GroupBy(request => request.User)
                .Where(requests => requests.Count() >= 4).Select(requests => requests.Average(request => request.IsGood ? 1.0 : 0)).ToList();
            return users.Count(share => share is > 0.25 and < 0.75) / (double)users.Count;
        }
        Assert.InRange(Undecided(runs.Table[FourTimes, BbrQueue]), 0, 0.15);
        Assert.InRange(Undecided(runs.Table[FourTimes, Bbr]), 0.3, 1);
    }

    [Fact]
    public void Below_the_capacity_nothing_is_refused()
    {
        var run = OverloadSimulation.Run(new OverloadScenario("0.7 ×") { Load = 0.7 }, Places);
        Assert.Equal(0, run.Seconds.Skip(16).Sum(second => second.Refused));
        Assert.InRange(run.GoodShare(1, 16, 59), 0.999, 1);
    }

    [Fact]
    public void What_is_worked_on_has_not_waited_long_and_the_waiting_room_is_bounded()
    {
        // Without the waterline, so that the queue has all of the overload.
        var policy = Places with { Queue = new AdmissionQueueOptions { WaterlineMargin = 10, Queue = new ControlledDelayOptions { Capacity = 300 } } };
        var run = OverloadSimulation.Run(FourTimes, policy);
        Assert.InRange(run.P99(20, 45, executed => executed.WaitMilliseconds), 0, 2 * 20 + 46);
        Assert.InRange(run.MostWaiting, 100, 300);
        Assert.InRange(run.GoodPerSecond(20, 45), 360, 440);
        Assert.All(s_ours, each => Assert.InRange(runs.Table[TenTimes, each].MostWaiting, 0, 2048));
    }

    private void Good(OverloadScenario scenario, OverloadPolicy policy, double least)
    {
        var good = runs.Table[scenario, policy].GoodPerSecond(20, 45);
        Assert.True(good >= least && good < 440, $"{policy.Name} at {scenario.Name}: {good} good per second");
    }
}
