using FeedMall.Resilience.Balancing;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Resilience.Balancing;

public sealed class PickFirstTests
{
    private readonly Balancer _balancer = new PickFirst(new BalancerOptions(), new TestClock()).With(new("A"), new("B"), new("C"));

    [Fact]
    public void It_stays_with_a_node_until_that_one_is_gone()
    {
        Assert.Equal("A", Pick());
        _balancer.Nodes[0].IsAvailable = false;
        Assert.Equal("B", Pick());
        _balancer.Nodes[0].IsAvailable = true;
        Assert.Equal("B", Pick());
        Assert.Equal([0, 1, 0], _balancer.Snapshot().Select(node => node.Score));
    }

    [Fact]
    public void It_stays_with_a_key_over_updates_until_that_one_leaves()
    {
        _balancer.Nodes[0].IsAvailable = false;
        Assert.Equal("B", Pick());
        _balancer.Update([new("D"), new("C"), new("B")]);
        Assert.Equal("B", Pick());
        _balancer.Update([new("D"), new("C")]);
        Assert.Equal("D", Pick());
    }

    [Fact]
    public void A_call_that_avoids_it_moves_nobody_else()
    {
        Assert.Equal("A", Pick());
        Assert.Equal("B", _balancer.Pick([_balancer.Nodes[0]])!.Key);
        Assert.Equal("A", Pick());
    }

    private string Pick() => _balancer.Pick()!.Key;
}
