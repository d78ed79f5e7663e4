using FeedMall.Resilience.Quotas;
using FeedMall.Testing.Quotas;
using Xunit;

namespace FeedMall.Tests.Resilience.Quotas;

/// <summary>The ranges are those of ALGORITHMS §6.2, §6.5 and §6.6.</summary>
public sealed class QuotaSimulationTests(ITestOutputHelper output)
{
    private const int Limit = 1000;
    private const int Most = 1100;

    [Theory]
    [InlineData(Sharing.Leases)]
    [InlineData(Sharing.Peers)]
    public void The_sum_keeps_to_the_limit_while_the_hot_spot_moves(Sharing sharing)
    {
        var run = Run(QuotaScenario.MovingHotSpot with { Sharing = sharing });
        Assert.All(run.Seconds, second => Assert.True(second.Sum <= Most, $"{second.Sum} in second {second.Second}"));
        // The first second is guessing; after the move the old demand of node 1 fades by half with each heartbeat, and holds its part of the limit until then.
        Assert.All(run.Seconds.Skip(1), second => Assert.True(second.Sum >= (second.Second is >= 30 and < 36 ? 0.7 : 0.85) * Limit, $"{second.Sum} in second {second.Second}"));
    }

    [Theory]
    [InlineData(Sharing.Leases)]
    [InlineData(Sharing.Peers)]
    public void The_node_that_the_hot_spot_moves_to_gets_its_share_within_three_seconds(Sharing sharing)
    {
        var run = Run(QuotaScenario.MovingHotSpot with { Sharing = sharing });
        Assert.InRange(run.Rate(4, 10, 30), 45, 55);
        Assert.True(run.Rate(4, 32, 33) >= 200, $"{run.Rate(4, 32, 33)} in the third second");
        Assert.InRange(run.Rate(4, 40, 60), 250, 340);
    }

    [Theory]
    [InlineData(Sharing.Leases)]
    [InlineData(Sharing.Peers)]
    public void Small_users_get_what_they_need_and_big_ones_share_the_rest(Sharing sharing)
    {
        var run = Run(QuotaScenario.Steady with { Sharing = sharing });
        Assert.All((int[])[2, 3, 4], node => Assert.True(run.Share(node, 5, 60) >= 0.95, $"node {node + 1} got {run.Share(node, 5, 60):P1}"));
        Assert.InRange(run.Rate(0, 5, 60), 260, 340);
        Assert.InRange(run.Rate(1, 5, 60) / run.Rate(0, 5, 60), 0.95, 1.05);
    }

    [Theory]
    [InlineData(Sharing.Leases)]
    [InlineData(Sharing.Peers)]
    public void Also_while_the_hot_spot_moves_small_users_get_what_they_need(Sharing sharing)
    {
        var run = Run(QuotaScenario.MovingHotSpot with { Sharing = sharing });
        Assert.True(run.Share(3, 3, 60) >= 0.95, $"node 4 got {run.Share(3, 3, 60):P1}");
        Assert.True(run.Share(0, 32, 60) >= 0.95, $"node 1 got {run.Share(0, 32, 60):P1} of its little");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(20)]
    public void First_come_first_served_starves_the_small(long batch)
    {
        var run = Run(QuotaScenario.Steady with { Sharing = Sharing.Batches, Batch = batch });
        // When the window is used up at three quarters of the second, small and big are refused alike. A large batch is a little stock.
        Assert.InRange(run.Share(4, 5, 60), 0.6, 0.9);
        Assert.InRange(run.Rate(0, 5, 60) / run.Rate(1, 5, 60), 1.4, 1.6);
        Assert.All(run.Seconds, second => Assert.True(second.Sum <= Limit + 5 * batch));
        Assert.True(Run(QuotaScenario.Steady).Share(4, 5, 60) > run.Share(4, 5, 60) + 0.08);
    }

    [Theory]
    // Of 1350 wanted: nodes 1 to 3 are cut to 200, the small ones leave half of theirs.
    [InlineData(Sharing.Leases, QuotaFallback.LocalShare, 700, 780)]
    [InlineData(Sharing.Leases, QuotaFallback.AllowAll, 1300, 1400)]
    [InlineData(Sharing.Leases, QuotaFallback.DenyAll, 0, 0)]
    [InlineData(Sharing.Peers, QuotaFallback.LocalShare, 700, 780)]
    [InlineData(Sharing.Peers, QuotaFallback.AllowAll, 1300, 1400)]
    [InlineData(Sharing.Peers, QuotaFallback.DenyAll, 0, 0)]
    public void While_the_allocator_is_gone_the_fallback_decides_and_afterwards_all_is_as_before(Sharing sharing, QuotaFallback fallback, double least, double most)
    {
        var run = Run(QuotaScenario.Outage with { Sharing = sharing, Fallback = fallback });
        // A lease goes on for three seconds at most.
        Assert.InRange(run.Rate(20, 21), 0.85 * Limit, Most);
        Assert.InRange(run.Rate(24, 40), least, most);
        Assert.All(run.Seconds.Where(second => second.Second is < 20 or >= 42), second => Assert.True(second.Sum <= Most));
        Assert.InRange(run.Rate(43, 60), 0.9 * Limit, Most);
    }

    [Fact]
    public void The_same_seed_gives_the_same_run() =>
        Assert.Equal(Run(QuotaScenario.Outage).Seconds.SelectMany(second => second.Admitted), Run(QuotaScenario.Outage).Seconds.SelectMany(second => second.Admitted));

    private QuotaResult Run(QuotaScenario scenario)
    {
        var run = QuotaSimulation.Run(scenario);
        foreach (var second in run.Seconds) output.WriteLine($"{second.Second}: {second.Sum} = {string.Join(" + ", second.Admitted)} of {string.Join(" ", second.Offered)}");
        return run;
    }
}
