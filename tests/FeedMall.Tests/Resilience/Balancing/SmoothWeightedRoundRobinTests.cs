using FeedMall.Resilience.Balancing;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Balancing;

public sealed class SmoothWeightedRoundRobinTests
{
    private sealed record Row(double[] Weights, string Order, double[][]? After = null);

    private static readonly BalancerOptions s_inStep = new() { RandomStart = false };

    [Fact]
    public void The_published_orders_come_out() => Assert.All(Vectors.Read<Row[]>("round-robin"), row =>
    {
        var balancer = Of(row.Weights);
        var order = "";
        foreach (var after in row.After ?? [])
        {
            order += balancer.Pick()!.Key;
            Assert.Equal(after, balancer.Snapshot().Select(node => node.Score));
        }
        while (order.Length < row.Order.Length) order += balancer.Pick()!.Key;
        Assert.Equal(row.Order, order);
    });

    [Fact]
    public void Every_cycle_gives_each_node_its_weight_and_ends_at_zero() =>
        Prop.ForAll(Gen.Choose(1, 12).NonEmptyListOf().Where(weights => weights.Count <= 8).ToArbitrary(), weights =>
        {
            var balancer = Of([.. weights.Select(weight => (double)weight)]);
            var picks = new List<string>();
            for (var pick = 0; pick < 3 * weights.Sum(); pick++)
            {
                picks.Add(balancer.Pick()!.Key);
                if (balancer.Snapshot().Sum(node => node.Score) != 0) return false;
            }
            // Any window of one cycle, wherever it starts.
            return Enumerable.Range(0, picks.Count - weights.Sum()).All(start => weights.Select((weight, index) => (weight, index))
                .All(node => picks.Skip(start).Take(weights.Sum()).Count(key => key == Key(node.index)) == node.weight));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Nodes_that_stay_keep_their_place_and_new_ones_start_at_zero()
    {
        var balancer = Of([3, 2, 1]);
        balancer.Pick();
        balancer.Update([new("A", 3), new("C", 1), new("D", 5)]);
        Assert.Equal([-3, 1, 0], balancer.Snapshot().Select(node => node.Score));
        Assert.Equal("D", balancer.Pick()!.Key);
    }

    [Fact]
    public void A_node_out_of_the_pick_leaves_the_order_of_the_others_alone()
    {
        var balancer = Of([1, 1, 1]);
        balancer.Nodes[1].IsAvailable = false;
        Assert.Equal("ACAC", string.Concat(Enumerable.Range(0, 4).Select(_ => balancer.Pick()!.Key)));
    }

    [Fact]
    public void Many_clients_do_not_start_in_step()
    {
        var firsts = Enumerable.Range(0, 600).Select(seed =>
        {
            var balancer = new SmoothWeightedRoundRobin(new BalancerOptions(), new TestClock(), new TestChance { Seed = seed });
            balancer.Update([new("A", 3), new("B", 2), new("C", 1)]);
            return balancer.Pick()!.Key;
        }).CountBy(key => key).ToDictionary();
        Assert.InRange(firsts["A"], 260, 340);
        Assert.InRange(firsts["B"], 160, 240);
        Assert.InRange(firsts["C"], 70, 130);
    }

    private static string Key(int index) => ((char)('A' + index)).ToString();

    private static SmoothWeightedRoundRobin Of(double[] weights)
    {
        var balancer = new SmoothWeightedRoundRobin(s_inStep, new TestClock(), new TestChance());
        balancer.Update([.. weights.Select((weight, index) => new BalancerNode(Key(index), weight))]);
        return balancer;
    }
}
