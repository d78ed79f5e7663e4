using FeedMall.Resilience;
using FeedMall.Resilience.Balancing;
using FeedMall.Testing;

namespace FeedMall.Tests.Resilience.Balancing;

/// <summary>Whole calls in one line.</summary>
internal static class BalancerCalls
{
    public static Balancer With(this Balancer balancer, params BalancerNode[] nodes)
    {
        balancer.Update(nodes);
        return balancer;
    }

    /// <summary>A call to this node that ends now and took so long.</summary>
    public static void Call(this Balancer balancer, TestClock clock, string key, double milliseconds, Outcome result = Outcome.Success, int? cpu = null)
    {
        var node = balancer.Start(key);
        balancer.Complete(node, clock.GetTimestamp() - (long)(milliseconds * clock.TimestampFrequency / 1000), result, cpu);
    }

    /// <summary>Picks this node, by avoiding all others.</summary>
    public static BalancerNode Start(this Balancer balancer, string key)
    {
        var node = balancer.Pick([.. balancer.Nodes.Where(node => node.Key != key)]);
        return node?.Key == key ? node : throw new InvalidOperationException($"picked {node}");
    }

    public static NodeSnapshot Of(this Balancer balancer, string key) => balancer.Snapshot().Single(node => node.Key == key);

    public static void Advance(this TestClock clock, double milliseconds) => clock.Advance(TimeSpan.FromMilliseconds(milliseconds));
}
