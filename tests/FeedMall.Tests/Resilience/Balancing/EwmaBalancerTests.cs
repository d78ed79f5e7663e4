using FeedMall.Resilience;
using FeedMall.Resilience.Balancing;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Resilience.Balancing;

public sealed class EwmaBalancerTests
{
    private sealed record Averages(double From, double Sample, double[][] Tau600, double[][] Tau10000);

    private readonly TestClock _clock = new();

    public EwmaBalancerTests() => _clock.Advance(TimeSpan.FromMinutes(1));

    [Fact]
    public void The_published_averages_come_out()
    {
        var vectors = Vectors.Read<Averages>("ewma");
        Assert.All(vectors.Tau600, row => Assert.Equal(row[1], LagAfter(0.6, row[0]), 0.001));
        Assert.All(vectors.Tau10000, row => Assert.Equal(row[1], LagAfter(10, row[0]), 0.001));

        double LagAfter(double tauSeconds, double milliseconds)
        {
            var balancer = Of(new BalancerOptions { AverageTime = TimeSpan.FromSeconds(tauSeconds) }, "A");
            balancer.Call(_clock, "A", vectors.From);
            _clock.Advance(milliseconds);
            balancer.Call(_clock, "A", vectors.Sample);
            return balancer.Of("A").Lag.TotalMilliseconds;
        }
    }

    [Fact]
    public void The_score_is_the_published_formula()
    {
        var balancer = (EwmaBalancer)new EwmaBalancer(new BalancerOptions(), _clock, new TestChance()).With(new BalancerNode("A", 3), new BalancerNode("B"));
        balancer.Call(_clock, "A", 20, cpu: 400);
        Assert.Equal(3 / (0.4 * Math.Sqrt(0.020 + 0.005) * 1), balancer.Of("A").Score, 3);
        balancer.Start("A");
        Assert.Equal(3 / (0.4 * Math.Sqrt(0.020 + 0.005) * 2), balancer.Of("A").Score, 3);

        _clock.Advance(600);
        balancer.Call(_clock, "A", 1, Outcome.Failure);
        Assert.Equal(Math.Exp(-1), balancer.Of("A").Success, 5);
        // The failure came fast, and still did not lower the lag.
        Assert.Equal(3 * Math.Exp(-2) / (0.4 * Math.Sqrt(0.020 + 0.005) * 2), balancer.Of("A").Score, 3);
    }

    [Fact]
    public void Options_change_live_and_what_is_known_about_the_nodes_stays()
    {
        var balancer = Of(new BalancerOptions(), "A");
        balancer.Call(_clock, "A", 20);
        balancer.Options = balancer.Options with { LagOffset = TimeSpan.FromMilliseconds(16), AverageTime = TimeSpan.FromSeconds(10) };
        Assert.Equal(1 / (0.5 * Math.Sqrt(0.020 + 0.016)), balancer.Of("A").Score, 3);

        _clock.Advance(1000);
        balancer.Call(_clock, "A", 200);
        Assert.Equal(200 - 180 * Math.Exp(-1.0 / 10), balancer.Of("A").Lag.TotalMilliseconds, 0.5);
        Assert.Throws<ArgumentOutOfRangeException>(() => balancer.Options = new BalancerOptions { AverageTime = TimeSpan.Zero });
        Assert.Equal(TimeSpan.FromSeconds(10), balancer.Options.AverageTime);
    }

    [Fact]
    public void A_node_that_nobody_knows_counts_as_the_median_or_as_50_milliseconds()
    {
        var balancer = Of(new BalancerOptions(), "A", "B", "C", "D");
        Assert.Equal(Score(50), balancer.Of("D").Score, 3);
        balancer.Call(_clock, "A", 10);
        balancer.Call(_clock, "B", 20);
        balancer.Call(_clock, "C", 400);
        // The median is brought up to date by a pick, at most every 100 ms.
        _clock.Advance(101);
        balancer.Start("D");
        Assert.Equal(Score(20) / 2, balancer.Of("D").Score, 2);

        static double Score(double lagMilliseconds) => 1 / (0.5 * Math.Sqrt(lagMilliseconds / 1000 + 0.005));
    }

    [Fact]
    public void A_first_call_that_fails_fast_does_not_look_attractive()
    {
        var balancer = Of(new BalancerOptions(), "A");
        balancer.Call(_clock, "A", 1, Outcome.Failure);
        Assert.Equal(50, balancer.Of("A").Lag.TotalMilliseconds, 3);
        Assert.Equal(0, balancer.Of("A").Success);
    }

    [Fact]
    public void A_failure_that_came_late_raises_the_lag()
    {
        var balancer = Of(new BalancerOptions(), "A");
        balancer.Call(_clock, "A", 10);
        _clock.Advance(600);
        balancer.Call(_clock, "A", 1000, Outcome.Failure);
        Assert.Equal(10 * Math.Exp(-1) + 1000 * (1 - Math.Exp(-1)), balancer.Of("A").Lag.TotalMilliseconds, 2);
    }

    [Theory]
    [InlineData(50, 0.1)] // less than a tenth counts as a tenth
    [InlineData(700, 0.7)]
    [InlineData(5000, 1)] // a peer may say anything
    [InlineData(-3, 0.1)]
    public void The_load_that_a_node_reports_counts_for_ten_seconds(int reported, double factor)
    {
        var balancer = Of(new BalancerOptions(), "A");
        balancer.Call(_clock, "A", 50, cpu: reported);
        var unknown = 1 / (0.5 * Math.Sqrt(0.055));
        Assert.Equal(unknown * 0.5 / factor, balancer.Of("A").Score, 2);
        _clock.Advance(10_001);
        Assert.Null(balancer.Of("A").CpuPermille);
        Assert.Equal(unknown, balancer.Of("A").Score, 2);
    }

    [Fact]
    public void A_node_that_is_left_alone_is_forgiven_slowly()
    {
        var balancer = Of(new BalancerOptions(), "A", "B", "C");
        balancer.Call(_clock, "A", 2000, Outcome.Failure);
        balancer.Call(_clock, "B", 20);
        balancer.Call(_clock, "C", 20);
        _clock.Advance(10_000);
        balancer.Start("B");
        var (lag, success) = (2 * Math.Exp(-1) + 0.02 * (1 - Math.Exp(-1)), 1 - Math.Exp(-1));
        Assert.Equal(success * success / (0.5 * Math.Sqrt(lag + 0.005)), balancer.Of("A").Score, 3);
    }

    [Fact]
    public void A_node_that_hangs_loses_before_the_first_timeout()
    {
        var balancer = Of(new BalancerOptions(), "A", "B");
        balancer.Call(_clock, "A", 10);
        balancer.Call(_clock, "B", 10);
        balancer.Start("A");
        var fresh = balancer.Of("A").Score;
        _clock.Advance(500);
        Assert.Equal(1 / (0.5 * Math.Sqrt(0.505) * 2), balancer.Of("A").Score, 3);
        Assert.True(balancer.Of("A").Score < fresh / 5);
    }

    [Fact]
    public void A_node_that_joins_works_its_way_up_over_ten_seconds_from_its_first_pick()
    {
        var balancer = Of(new BalancerOptions { DefaultLag = TimeSpan.FromMilliseconds(50) }, "A");
        Assert.Equal(1, Warmth("A"), 6);
        balancer.Update([.. balancer.Nodes, new BalancerNode("B")]);
        _clock.Advance(60_000);
        Assert.Equal(0.1, Warmth("B"), 6);
        balancer.Call(_clock, "B", 1, Outcome.Ignored);
        Assert.Equal(0.1, Warmth("B"), 5);
        _clock.Advance(5000);
        Assert.Equal(0.55, Warmth("B"), 5);
        _clock.Advance(5001);
        Assert.Equal(1, Warmth("B"), 5);
        _clock.Advance(60_000);
        Assert.Equal(1, Warmth("B"), 5);

        double Warmth(string key) => balancer.Of(key).Score * 0.5 * Math.Sqrt(0.055);
    }

    [Fact]
    public void A_loser_that_was_not_picked_for_three_seconds_is_picked_once()
    {
        var balancer = Of(new BalancerOptions(), "A", "B");
        balancer.Call(_clock, "A", 10);
        balancer.Call(_clock, "B", 10, Outcome.Failure);
        _clock.Advance(2999);
        Assert.Equal("AAAA", Picks(balancer, 4));
        _clock.Advance(2);
        Assert.Equal("BAAA", Picks(balancer, 4));
    }

    [Fact]
    public void A_node_that_joins_is_tried_at_once()
    {
        var balancer = Of(new BalancerOptions(), "A");
        balancer.Call(_clock, "A", 10);
        balancer.Update([.. balancer.Nodes, new BalancerNode("B")]);
        Assert.Equal("BAAA", Picks(balancer, 4));
    }

    [Fact]
    public void A_node_that_is_not_available_is_never_forced()
    {
        var balancer = Of(new BalancerOptions(), "A", "B", "C");
        balancer.Nodes[1].IsAvailable = false;
        for (var second = 0; second < 20; second++)
        {
            _clock.Advance(1000);
            Assert.DoesNotContain("B", Picks(balancer, 20), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Of_two_that_saw_the_same_last_pick_one_may_force_it()
    {
        var statistics = new NodeStatistics();
        statistics.Join(warm: true, 100);
        Assert.True(statistics.TryForcePick(seen: 100, now: 200));
        Assert.False(statistics.TryForcePick(seen: 100, now: 200));
    }

    [Fact]
    public void Of_many_threads_one_forces_the_pick()
    {
        var balancer = Of(new BalancerOptions(), "A", "B");
        balancer.Call(_clock, "A", 10);
        balancer.Call(_clock, "B", 10, Outcome.Failure);
        for (var round = 0; round < 200; round++)
        {
            _clock.Advance(3001);
            var before = balancer.Of("B").Picks;
            // B keeps losing, because it fails.
            Parallel.For(0, 8, _ =>
            {
                for (var pick = 0; pick < 20; pick++)
                {
                    var node = balancer.Pick()!;
                    balancer.Complete(node, _clock.GetTimestamp(), node.Key == "B" ? Outcome.Failure : Outcome.Success);
                }
            });
            Assert.Equal(before + 1, balancer.Of("B").Picks);
        }
    }

    private EwmaBalancer Of(BalancerOptions options, params string[] keys) =>
        (EwmaBalancer)new EwmaBalancer(options, _clock, new TestChance()).With([.. keys.Select(key => new BalancerNode(key))]);

    // Each call is cancelled at once, so that nothing but the forced pick changes.
    private string Picks(Balancer balancer, int count) => string.Concat(Enumerable.Range(0, count).Select(_ =>
    {
        var node = balancer.Pick()!;
        balancer.Complete(node, _clock.GetTimestamp(), Outcome.Ignored);
        return node.Key;
    }));
}
