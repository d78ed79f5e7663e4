using FeedMall.Resilience.Balancing;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;
using Outcome = FeedMall.Resilience.Outcome;

namespace FeedMall.Tests.Resilience.Balancing;

public sealed class LeastInFlightTests
{
    private readonly TestClock _clock = new();

    [Theory]
    [InlineData(0.0, 0.0, "A")] // A and B
    [InlineData(0.26, 0.0, "B")] // B and A
    [InlineData(0.26, 0.34, "B")] // B, then the index steps over B to C
    [InlineData(0.99, 0.99, "D")] // D and C
    public void Of_equals_the_first_drawn_is_taken(double first, double second, string picked) =>
        Assert.Equal(picked, Of(new TestChance(first, second), "A", "B", "C", "D").Pick()!.Key);

    [Fact]
    public void The_one_with_fewer_calls_in_flight_is_taken()
    {
        var balancer = Of(new TestChance(0.0, 0.0, 0.0, 0.0, 0.0, 0.0), "A", "B");
        Assert.Equal("A", balancer.Pick()!.Key);
        Assert.Equal("B", balancer.Pick()!.Key);
        Assert.Equal("A", balancer.Pick()!.Key);
    }

    [Fact]
    public void Two_choices_are_never_the_same_node_so_the_most_loaded_one_is_never_picked() =>
        Prop.ForAll(Gen.Choose(2, 12).Zip(Gen.Choose(0, int.MaxValue)).ToArbitrary(), input =>
        {
            var (count, seed) = input;
            var balancer = Of(new TestChance { Seed = seed }, [.. Enumerable.Range(0, count).Select(i => $"{i}")]);
            var loaded = balancer.Start("0");
            for (var pick = 0; pick < 50; pick++)
            {
                var node = balancer.Pick()!;
                if (ReferenceEquals(node, loaded)) return false;
                balancer.Complete(node, 0, Outcome.Ignored);
            }
            return true;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void However_many_calls_and_nodes_no_node_is_far_above_the_average() =>
        Prop.ForAll(Gen.Choose(2, 20).Zip(Gen.Choose(0, 600)).Zip(Gen.Choose(0, int.MaxValue)).ToArbitrary(), input =>
        {
            var ((count, calls), seed) = input;
            var balancer = Of(new TestChance { Seed = seed }, [.. Enumerable.Range(0, count).Select(i => $"{i}")]);
            for (var call = 0; call < calls; call++) balancer.Pick();
            // log₂ log₂ 20 is 2.1; one choice alone would come to 20 and more above it.
            return balancer.Snapshot().Max(node => node.InFlight) <= Math.Ceiling(calls / (double)count) + 5;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_ordered_pair_is_drawn_equally_often()
    {
        const int draws = 120_000;
        var chance = new TestChance();
        BalancerNode[] nodes = [new("A"), new("B"), new("C"), new("D"), new("E")];
        // One is out, so that both ways of drawing take part.
        nodes[2].IsAvailable = false;
        var pairs = Enumerable.Range(0, draws).Select(_ =>
        {
            var (first, second) = TwoChoices.Draw(new Candidates(nodes, [], Candidates.Rule.Weighted), chance);
            return $"{first}{second}";
        }).CountBy(pair => pair).ToDictionary();
        Assert.Equal(12, pairs.Count);
        Assert.All(pairs, pair => Assert.InRange(pair.Value, 0.95 * draws / 12, 1.05 * draws / 12));
    }

    [Fact]
    public void Two_choices_spread_a_thousand_calls_almost_evenly()
    {
        var balancer = Of(new TestChance(), [.. Enumerable.Range(0, 10).Select(i => $"{i}")]);
        for (var call = 0; call < 1000; call++) balancer.Pick();
        // Chance alone would leave a node with some 125; two choices differ by a few.
        Assert.All(balancer.Snapshot(), node => Assert.InRange(node.InFlight, 97, 103));
    }

    private LeastInFlight Of(TestChance chance, params string[] keys) =>
        (LeastInFlight)new LeastInFlight(new BalancerOptions(), _clock, chance).With([.. keys.Select(key => new BalancerNode(key))]);
}
