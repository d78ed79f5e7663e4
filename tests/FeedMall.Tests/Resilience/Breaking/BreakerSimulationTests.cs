using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Testing.Breaking;
using Xunit;

namespace FeedMall.Tests.Resilience.Breaking;

/// <summary>The ranges are those of ALGORITHMS §2.6, where a simulation made apart from this code found them.</summary>
public sealed class BreakerSimulationTests
{
    private const string Recommended = BreakerScenarios.Recommended;
    private const string Plain = BreakerScenarios.Plain;
    private const string PlainK2 = BreakerScenarios.PlainK2;
    private const string PlainLong = BreakerScenarios.PlainLong;

    [Theory]
    [InlineData(Recommended, 1.5, 24.2, 12.1, 63.6)]
    [InlineData(Plain, 1 / 0.6, 24.7, 16.6, 58.7)]
    [InlineData(PlainK2, 2, 25.0, 25.6, 49.4)]
    [InlineData(PlainLong, 1.5, 24.3, 11.8, 63.8)]
    public void A_target_that_does_a_quarter_of_the_calls_does_them_and_sees_little_more(string kind, double k, double done, double failed, double dropped)
    {
        var run = BreakerScenarios.Limited(kind);
        Assert.InRange(run.Percent(second => second.Ok, 60, 120), done - 3, done + 3);
        Assert.InRange(run.Percent(second => second.Failed, 60, 120), failed - 3, failed + 3);
        Assert.InRange(run.Percent(second => second.Dropped, 60, 120), dropped - 3, dropped + 3);
        // In vain go (K − 1) for each one that is done.
        var theory = 100 * (k - 1) * BreakerScenarios.Capacity / BreakerScenarios.Rate;
        Assert.InRange(run.Percent(second => second.Failed, 60, 120), theory - 3, theory + 3);
        Assert.InRange(run.Between(60, 120).Ok / 60.0, 0.95 * BreakerScenarios.Capacity, 1.001 * BreakerScenarios.Capacity);
    }

    [Theory]
    [InlineData(Recommended, 0, 0, 60, 85, 94, 97)]
    [InlineData(Plain, 0, 0, 0, 83, 96, 99)]
    [InlineData(PlainK2, 0, 0, 0, 0, 5, 98)]
    [InlineData(PlainLong, 0, 0, 60, 90, 97, 99)]
    public void Below_one_of_K_successes_nearly_all_is_dropped_and_above_it_nothing(string kind, params int[] least)
    {
        double[] shares = [0.9, 0.7, 0.62, 0.58, 0.5, 0.3];
        foreach (var (share, atLeast) in shares.Zip(least))
        {
            var dropped = BreakerScenarios.Flaky(kind, share).Percent(second => second.Dropped, 60, 120);
            // Around 1 / K one run drops a little and the next a lot.
            var atMost = (kind, share) switch
            {
                (_, >= 0.7) or (PlainK2, >= 0.58) => 0.2,
                (Plain, 0.62) => 6,
                (PlainK2, 0.5) => 60,
                _ => 100,
            };
            Assert.True(dropped >= atLeast && dropped <= atMost, $"{kind} at {share}: {dropped} is not within {atLeast} and {atMost}");
        }
    }

    [Theory]
    [InlineData(20)]
    [InlineData(200)]
    [InlineData(1000)]
    public void The_recommended_kind_is_back_within_twelve_seconds_of_the_end_of_an_outage(double perSecond)
    {
        for (var seed = 1; seed <= 3; seed++)
        {
            var run = BreakerScenarios.Outage(Recommended, perSecond, seed);
            Assert.InRange(run.TrippedAfter(BreakerScenarios.OutageFrom)!.Value, 6, 9);
            Assert.InRange(run.Between(20, 30).Failed, 9, 17);
            Assert.InRange(run.RecoveredAfter(BreakerScenarios.OutageTo)!.Value, 5, 12);
            // Before the outage it let everything through, and long after it too.
            Assert.Equal(0, run.Between(0, 10).Dropped + run.Between(60, 180).Dropped);
        }
    }

    [Fact]
    public void The_plain_kind_is_back_in_several_windows_and_with_a_long_one_takes_minutes()
    {
        for (var seed = 1; seed <= 3; seed++)
        {
            Assert.InRange(BreakerScenarios.Outage(Plain, 200, seed).RecoveredAfter(BreakerScenarios.OutageTo)!.Value, 10, 28);
            Assert.InRange(BreakerScenarios.Outage(Plain, 200, seed).TrippedAfter(BreakerScenarios.OutageFrom)!.Value, 2, 4);
            Assert.InRange(BreakerScenarios.Outage(PlainLong, 200, seed).RecoveredAfter(BreakerScenarios.OutageTo)!.Value, 50, 120);
        }
    }

    [Fact]
    public void With_a_high_least_number_of_calls_a_quiet_client_never_trips()
    {
        static Breaker Create(TimeProvider clock, IChance chance) => new PlainSreBreaker(new PlainSreBreakerOptions { MinRequests = 100 }, clock, chance);
        var run = BreakerSimulation.Run(Create, new DeadTarget(10, 30), 20, 60);
        Assert.Equal(0, run.Between(0, 60).Dropped);
        Assert.Null(run.TrippedAfter(10));
    }

    [Fact]
    public void While_the_primary_is_down_the_standby_gets_its_limit_and_then_the_primary_all_again()
    {
        var seconds = GutterSimulation.Run();
        Assert.All(seconds, second => Assert.True(second.MostAtStandby <= GutterSimulation.Places));
        Assert.All(seconds, second => Assert.Equal(second.Offered, second.Primary + second.Standby + second.Failed + second.Refused));
        Assert.Equal(0, seconds.Take(10).Sum(second => second.Standby + second.Refused));

        // One place of 40 ms: 25 per second, less the pauses between two calls.
        var down = seconds.Take(20..30).ToList();
        Assert.All(down, second => Assert.InRange(second.Standby, 15, 25));
        Assert.InRange(down.Sum(second => second.Failed), 8, 20);
        Assert.Equal(0, down.Sum(second => second.Primary));

        var after = seconds.Skip(42).ToList();
        Assert.True(after.Sum(second => second.Primary) > 0.99 * after.Sum(second => second.Offered));
    }

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        Assert.Equal(BreakerScenarios.Outage(Recommended, 200).Seconds, BreakerScenarios.Outage(Recommended, 200).Seconds);
        Assert.NotEqual(BreakerScenarios.Outage(Recommended, 200).Seconds, BreakerScenarios.Outage(Recommended, 200, seed: 2).Seconds);
        Assert.Equal(GutterSimulation.Run(), GutterSimulation.Run());
    }
}
