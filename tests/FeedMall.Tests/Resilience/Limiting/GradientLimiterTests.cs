using FeedMall.Resilience;
using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Limiting;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Resilience.Limiting;

public sealed class GradientLimiterTests
{
    private readonly TestClock _clock = new();

    [Fact]
    public void It_admits_up_to_the_whole_part_of_its_limit()
    {
        var limiter = new GradientLimiter(new GradientLimiterOptions { Initial = 5 }, _clock);
        Assert.Equal([true, true, true, true, true, false], Enter(limiter, 6).Select(permit => permit.IsAdmitted));
        Assert.Equal(5, limiter.InFlight);
    }

    [Fact]
    public void While_times_stay_the_same_a_used_limit_grows_by_the_smoothed_queue()
    {
        var limiter = new GradientLimiter(new GradientLimiterOptions(), _clock);
        Window(limiter, 20, 10);
        // 20 · 0.8 + (20 · 1 + 4) · 0.2
        Assert.Equal(20.8, limiter.Snapshot().Limit, 9);
        Window(limiter, 20, 10);
        Assert.Equal(21.6, limiter.Snapshot().Limit, 9);
    }

    [Fact]
    public void A_limit_of_which_less_than_half_is_used_stays()
    {
        var limiter = new GradientLimiter(new GradientLimiterOptions(), _clock);
        Window(limiter, 9, 10);
        Window(limiter, 9, 10);
        Assert.Equal(20, limiter.Snapshot().Limit);
        Window(limiter, 10, 10);
        Assert.Equal(20.8, limiter.Snapshot().Limit, 9);
    }

    [Fact]
    public void Longer_times_lower_the_limit_by_half_at_most_and_never_below_its_least()
    {
        var limiter = new GradientLimiter(new GradientLimiterOptions(), _clock);
        for (var i = 0; i < 10; i++) Window(limiter, 5, 10);
        Assert.Equal(20, limiter.Snapshot().Limit);
        Window(limiter, 20, 20);
        // The eleventh window has the weight 2/601: long = 10.0333, gradient = 1.5 · 10.0333 / 20.
        Assert.Equal(20 * 0.8 + (20 * 1.5 * (10 + 10 * 2 / 601.0) / 20 + 4) * 0.2, limiter.Snapshot().Limit, 3);
        var before = limiter.Snapshot().Limit;
        Window(limiter, 18, 1000);
        Assert.Equal(before * 0.8 + (before * 0.5 + 4) * 0.2, limiter.Snapshot().Limit, 3);
        limiter.Options = limiter.Options with { Queue = 1 };
        for (var i = 0; i < 60; i++) Window(limiter, (int)limiter.Snapshot().Limit, 1000 * Math.Pow(1.2, i));
        Assert.Equal(4, limiter.Snapshot().Limit);
    }

    [Fact]
    public void A_long_term_average_that_is_far_too_long_comes_down_quickly()
    {
        var limiter = new GradientLimiter(new GradientLimiterOptions(), _clock);
        for (var i = 0; i < 12; i++) Window(limiter, 5, 1000);
        for (var i = 0; i < 80; i++) Window(limiter, 5, 10);
        Assert.InRange(limiter.Snapshot().LongTime.TotalMilliseconds, 9.9, 30);
    }

    [Fact]
    public void What_was_given_up_is_not_measured_nor_a_failure_before_there_is_an_average()
    {
        var limiter = new GradientLimiter(new GradientLimiterOptions { MinSamples = 1 }, _clock);
        foreach (var outcome in new[] { Outcome.Failure, Outcome.Ignored })
        {
            var permit = limiter.TryEnter();
            _clock.Advance(TimeSpan.FromSeconds(2));
            Assert.True(permit.Complete(outcome));
        }
        Assert.Equal(new GradientSnapshot(0, 20, TimeSpan.Zero, TimeSpan.Zero), limiter.Snapshot());
    }

    [Fact]
    public void Failures_that_took_long_lower_the_limit_and_leave_the_average_and_quick_ones_count_for_nothing()
    {
        var limiter = new GradientLimiter(new GradientLimiterOptions { MinSamples = 20 }, _clock);
        Window(limiter, 20, 10);
        var before = limiter.Snapshot();
        Window(limiter, 20, 9, Outcome.Failure);
        Assert.Equal(before, limiter.Snapshot());
        Window(limiter, 20, 100, Outcome.Failure);
        var after = limiter.Snapshot();
        Assert.Equal((before.Limit * 0.8 + (before.Limit * 0.5 + 4) * 0.2, before.LongTime), (after.Limit, after.LongTime));
        Assert.Equal(100, after.ShortTime.TotalMilliseconds, 3);
    }

    [Fact]
    public void Times_beyond_the_slowest_are_too_long_whatever_the_average_allows()
    {
        var limiter = new GradientLimiter(new GradientLimiterOptions { MinSamples = 20, Slowest = TimeSpan.FromMilliseconds(50) }, _clock);
        for (var i = 0; i < 10; i++) Window(limiter, 5, 40);
        Assert.Equal(20, limiter.Snapshot().Limit);
        // 1.5 · 40 would allow 58; the long-term average is 40.0599 now.
        Window(limiter, 20, 58);
        Assert.Equal(20 * 0.8 + (20 * 50 / 58.0 + 4) * 0.2, limiter.Snapshot().Limit, 3);
    }

    [Fact]
    public void Work_that_always_takes_longer_than_the_slowest_is_limited_by_its_own_average()
    {
        var limiter = new GradientLimiter(new GradientLimiterOptions { MinSamples = 20, Slowest = TimeSpan.FromMilliseconds(50) }, _clock);
        for (var i = 0; i < 5; i++) Window(limiter, 20, 80);
        Assert.Equal(24, limiter.Snapshot().Limit, 3);
    }

    [Fact]
    public void Options_change_while_work_is_in_flight()
    {
        var limiter = new GradientLimiter(new GradientLimiterOptions(), _clock);
        var permits = Enter(limiter, 10);
        limiter.Options = limiter.Options with { Max = 8 };
        Assert.Equal(8, limiter.Snapshot().Limit);
        Assert.False(limiter.TryEnter().IsAdmitted);
        permits.ForEach(permit => permit.Complete(Outcome.Success));
        Assert.Equal(0, limiter.InFlight);
        Assert.Throws<ArgumentOutOfRangeException>(() => limiter.Options = limiter.Options with { Max = 3 });
    }

    [Fact]
    public void A_dry_run_decides_and_counts_but_lets_in()
    {
        var limiter = new GradientLimiter(new GradientLimiterOptions { Initial = 4 }, _clock) { DryRun = true };
        var permits = Enter(limiter, 6);
        Assert.All(permits, permit => Assert.True(permit.IsAdmitted));
        Assert.Equal(new GateCounts(6, 0, 2), limiter.Counts);
    }

    [Fact]
    public void Eight_threads_leave_nothing_in_flight_and_totals_are_exact()
    {
        var limiter = new GradientLimiter(new GradientLimiterOptions { Initial = 5, Max = 5 }, TimeProvider.System);
        Stress.Run((_, turn) =>
        {
            var permit = limiter.TryEnter();
            permit.Complete(turn % 3 == 0 ? Outcome.Failure : Outcome.Success);
            permit.Dispose();
        });
        Assert.Equal(0, limiter.InFlight);
        Assert.Equal(8_000_000, limiter.Counts.Admitted + limiter.Counts.Refused);
    }

    [Fact]
    public void A_decision_allocates_nothing()
    {
        var limiter = new GradientLimiter(new GradientLimiterOptions(), TimeProvider.System);
        Assert.Equal(0, Allocations.Of(() => limiter.TryEnter().Complete(Outcome.Success)));
    }

    // One window of a second with so much in flight at once, each piece taking so long.
    private void Window(GradientLimiter limiter, int inFlight, double milliseconds, Outcome outcome = Outcome.Success)
    {
        _clock.Advance(TimeSpan.FromSeconds(1));
        for (var samples = 0; samples < limiter.Options.MinSamples || samples < inFlight; samples += inFlight)
        {
            var permits = Enter(limiter, inFlight);
            _clock.Advance(TimeSpan.FromMilliseconds(milliseconds));
            // Together, so that the window ends with the last of a group: ten samples and a second are there.
            permits.ForEach(permit => permit.Complete(outcome));
        }
    }

    private static List<Permit> Enter(GradientLimiter limiter, int count) => [.. Enumerable.Range(0, count).Select(_ => limiter.TryEnter())];
}
