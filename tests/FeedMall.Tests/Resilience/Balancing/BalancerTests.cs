using FeedMall.Resilience;
using FeedMall.Resilience.Balancing;
using FeedMall.Testing;
using FeedMall.Testing.Balancing;
using Xunit;

namespace FeedMall.Tests.Resilience.Balancing;

/// <summary>What holds for every kind of balancer.</summary>
public sealed class BalancerTests
{
    private readonly TestClock _clock = new();

    public static TheoryData<string> Kinds => ["first", "round robin", "in flight", "ewma"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Without_an_available_node_nothing_is_picked(string kind)
    {
        var balancer = Of(kind);
        Assert.Null(balancer.Pick());
        balancer.With(new BalancerNode("A"), new BalancerNode("B"));
        foreach (var node in balancer.Nodes) node.IsAvailable = false;
        Assert.Null(balancer.Pick());
        balancer.Nodes[1].IsAvailable = true;
        Assert.Equal("B", balancer.Pick()!.Key);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Nodes_already_tried_are_picked_only_when_no_other_is_left(string kind)
    {
        var balancer = Of(kind).With(new("A"), new("B"), new("C"));
        var (a, b, c) = (balancer.Nodes[0], balancer.Nodes[1], balancer.Nodes[2]);
        for (var pick = 0; pick < 20; pick++) Assert.Equal("C", balancer.Pick([a, b])!.Key);
        c.IsAvailable = false;
        Assert.Contains(balancer.Pick([a, b])!.Key, new[] { "A", "B" });
        Assert.Equal("B", balancer.Pick([a])!.Key);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_node_already_tried_is_known_even_after_an_update(string kind)
    {
        var balancer = Of(kind).With(new("A"), new("B"));
        var tried = balancer.Nodes[0];
        balancer.Update([new("A"), new("B")]);
        for (var pick = 0; pick < 20; pick++) Assert.Equal("B", balancer.Pick([tried])!.Key);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_node_of_weight_zero_is_the_last_resort(string kind)
    {
        var balancer = Of(kind).With(new("A", 0), new("B", 2), new("C", 0));
        for (var pick = 0; pick < 20; pick++) Assert.Equal("B", balancer.Pick()!.Key);
        Assert.Equal("B", balancer.Pick([balancer.Nodes[1]])!.Key);
        balancer.Nodes[1].IsAvailable = false;
        Assert.Contains(balancer.Pick()!.Key, new[] { "A", "C" });
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Statistics_of_a_key_that_stays_are_kept(string kind)
    {
        var balancer = Of(kind).With(new("A"), new("B"));
        balancer.Call(_clock, "A", 30);
        balancer.Call(_clock, "A", 30, Outcome.Failure);
        var running = balancer.Start("A");
        balancer.Update([new BalancerNode("C"), new BalancerNode("A", 7, "state")]);

        var kept = balancer.Of("A");
        Assert.Equal((7, 1, 3, 1), (kept.Weight, kept.InFlight, kept.Picks, kept.Failures));
        Assert.Equal(30, kept.Lag.TotalMilliseconds, 2);
        Assert.Equal("state", balancer.Nodes[1].State);
        balancer.Complete(running, _clock.GetTimestamp(), Outcome.Success);
        Assert.Equal(0, balancer.Of("A").InFlight);
        Assert.Equal((0, 0), (balancer.Of("C").Picks, balancer.Of("C").InFlight));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_key_that_left_and_comes_back_starts_from_nothing_but_what_is_in_flight(string kind)
    {
        var balancer = Of(kind).With(new("A"), new("B"));
        var a = balancer.Nodes[0];
        balancer.Call(_clock, "A", 30, Outcome.Failure);
        var running = balancer.Start("A");
        balancer.Update([balancer.Nodes[1]]);
        balancer.Update([balancer.Nodes[0], a]);
        Assert.Equal((1, 1.0, TimeSpan.Zero), (balancer.Of("A").InFlight, balancer.Of("A").Success, balancer.Of("A").Lag));
        balancer.Complete(running, _clock.GetTimestamp(), Outcome.Success);
        Assert.Equal(0, balancer.Of("A").InFlight);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_cancelled_call_says_nothing_about_the_node(string kind)
    {
        var balancer = Of(kind).With(new BalancerNode("A"));
        balancer.Call(_clock, "A", 30);
        _clock.Advance(500);
        balancer.Call(_clock, "A", 5000, Outcome.Ignored);
        var node = balancer.Of("A");
        Assert.Equal((0, 1.0, 2, 0), (node.InFlight, node.Success, node.Picks, node.Failures));
        Assert.Equal(30, node.Lag.TotalMilliseconds, 2);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Two_nodes_with_one_key_are_refused_and_the_set_stays(string kind)
    {
        var balancer = Of(kind).With(new("A"), new("B"));
        Assert.Contains("'C'", Assert.Throws<ArgumentException>(() => balancer.Update([new("C"), new("C")])).Message, StringComparison.Ordinal);
        Assert.Equal(["A", "B"], balancer.Nodes.Select(node => node.Key));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Eight_threads_leave_nothing_in_flight_and_lose_no_count(string kind)
    {
        var balancer = Of(kind, TimeProvider.System, new SystemChance()).With([.. Enumerable.Range(0, 10).Select(i => new BalancerNode($"node-{i}"))]);
        Stress.Run((thread, turn) =>
        {
            if (thread == 0 && turn % 2000 == 0) Disturb(turn / 2000);
            var node = balancer.Pick()!;
            balancer.Complete(node, TimeProvider.System.GetTimestamp(), (Outcome)((turn + thread) % 3), turn % 1000);
        });
        var nodes = balancer.Snapshot();
        Assert.All(nodes, node => Assert.Equal(0, node.InFlight));
        Assert.All(nodes, node => Assert.InRange(node.Success, 0, 1));
        Assert.Equal(8_000_000, nodes.Sum(node => node.Picks));
        var failures = Enumerable.Range(0, 8).Sum(thread => Enumerable.Range(0, 1_000_000).Count(turn => (turn + thread) % 3 == (int)Outcome.Failure));
        Assert.Equal(failures, nodes.Sum(node => node.Failures));

        // New node objects for the same keys, and nodes that come and go, but never all of them.
        void Disturb(int i)
        {
            balancer.Update([.. balancer.Nodes.Select(node => new BalancerNode(node.Key))]);
            balancer.Nodes[1 + i % 9].IsAvailable = i % 2 == 0;
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_pick_and_its_completion_allocate_nothing(string kind)
    {
        var clock = new VirtualClock();
        var balancer = Of(kind, clock).With([.. Enumerable.Range(0, 16).Select(i => new BalancerNode($"node-{i}"))]);
        balancer.Nodes[3].IsAvailable = false;
        BalancerNode[] tried = [balancer.Nodes[0]];
        Assert.Equal(0, Allocations.Of(() =>
        {
            // 7 ms: every 15th pick brings the median up to date.
            clock.GoTo(clock.GetTimestamp() + 7 * VirtualClock.PerSecond / 1000);
            var first = balancer.Pick()!;
            var second = balancer.Pick(tried)!;
            balancer.Complete(first, clock.GetTimestamp(), Outcome.Success, 300);
            balancer.Complete(second, clock.GetTimestamp(), Outcome.Failure);
        }));
    }

    [Fact]
    public void A_snapshot_shows_every_node_in_the_order_of_the_list()
    {
        var balancer = Of("ewma").With(new("A", 2), new("B"));
        balancer.Nodes[1].IsAvailable = false;
        balancer.Call(_clock, "A", 30, Outcome.Success, 250);
        _clock.Advance(1500);
        Assert.Collection(balancer.Snapshot(),
            a =>
            {
                Assert.Equal(("A", true, 2.0, 250), (a.Key, a.IsAvailable, a.Weight, a.CpuPermille));
                Assert.Equal(1.5, a.SincePick.TotalSeconds, 5);
            },
            b => Assert.Equal(("B", false, 1.0, null), (b.Key, b.IsAvailable, b.Weight, b.CpuPermille)));
    }

    [Fact]
    public void Options_and_nodes_out_of_range_are_refused_by_name()
    {
        Assert.Equal("AverageTime", Refused(new BalancerOptions { AverageTime = TimeSpan.Zero }));
        Assert.Equal("SlowStartFloor", Refused(new BalancerOptions { SlowStartFloor = 0 }));
        Assert.Equal("SuccessExponent", Refused(new BalancerOptions { SuccessExponent = double.NaN }));
        Assert.Equal("ForcedPickAfter", Refused(new BalancerOptions { ForcedPickAfter = TimeSpan.Zero }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BalancerNode("A", -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BalancerNode("A", double.PositiveInfinity));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BalancerNode("A", double.NaN));
        Assert.Throws<ArgumentException>(() => new BalancerNode(""));

        string? Refused(BalancerOptions options) =>
            Assert.Throws<ArgumentOutOfRangeException>(() => new EwmaBalancer(options, _clock, new TestChance())).ParamName;
    }

    private Balancer Of(string kind) => Of(kind, _clock);

    private static Balancer Of(string kind, TimeProvider clock, IChance? chance = null)
    {
        chance ??= new TestChance();
        var options = new BalancerOptions();
        return kind switch
        {
            "first" => new PickFirst(options, clock),
            "round robin" => new SmoothWeightedRoundRobin(options, clock, chance),
            "in flight" => new LeastInFlight(options, clock, chance),
            _ => new EwmaBalancer(options, clock, chance),
        };
    }
}
