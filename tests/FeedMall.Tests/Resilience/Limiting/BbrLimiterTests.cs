using FeedMall.Resilience;
using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Limiting;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Resilience.Limiting;

public sealed class BbrLimiterTests
{
    private readonly TestClock _clock = new();
    private readonly FixedLoad _load = new(0);

    // Not on the edge of a bucket, where the rounding of the clock would decide.
    public BbrLimiterTests() => _clock.Advance(TimeSpan.FromMilliseconds(5));

    public sealed record LimitCase(long MaxPass, double MinMilliseconds, double BucketsPerSecond, int Limit);

    public sealed record DetectionCase(double TickMilliseconds, double Decay, double From, double Seconds);

    public sealed record Cases(LimitCase[] Limits, double[] CutAverage, DetectionCase[] Detection);

    [Fact]
    public void The_limit_is_throughput_times_time_rounded_and_at_least_one() => Assert.All(Vectors.Read<Cases>("bbr").Limits, vector =>
        Assert.Equal(vector.Limit, BbrLimiter.Limit(vector.MaxPass, vector.MinMilliseconds, vector.BucketsPerSecond)));

    [Fact]
    public void Below_the_threshold_everything_up_to_the_ceiling_is_let_in()
    {
        var limiter = Taught(40, 9);
        _load.Permille = 799;
        var permits = Enter(limiter, 64);
        Assert.All(permits, permit => Assert.True(permit.IsAdmitted));
        Assert.Equal(Reason.Overloaded, limiter.TryEnter().Reason);
        Assert.Equal(64, limiter.InFlight);
    }

    [Fact]
    public void At_the_threshold_the_limit_holds_and_goes_on_to_hold_for_a_second()
    {
        var limiter = Taught(40, 9);
        Assert.Equal(4, limiter.Snapshot().MaxInFlight);
        _load.Permille = 800;
        Assert.All(Enter(limiter, 5), permit => Assert.True(permit.IsAdmitted));
        Assert.False(limiter.Snapshot().InEpisode);
        Assert.Equal(Reason.Overloaded, limiter.TryEnter().Reason);
        Assert.True(limiter.Snapshot().InEpisode);

        _load.Permille = 799;
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Reason.Overloaded, limiter.TryEnter().Reason);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(limiter.TryEnter().IsAdmitted);
        Assert.False(limiter.Snapshot().InEpisode);
    }

    [Fact]
    public void While_the_load_stays_high_the_episode_keeps_its_beginning()
    {
        var limiter = Taught(40, 9);
        _load.Permille = 1000;
        var permits = Enter(limiter, 5);
        limiter.TryEnter();
        _clock.Advance(TimeSpan.FromSeconds(3));
        Assert.False(limiter.TryEnter().IsAdmitted);
        _load.Permille = 0;
        Assert.True(limiter.TryEnter().IsAdmitted);
        Assert.Equal(5, permits.Count);
    }

    [Fact]
    public void Without_samples_only_the_ceiling_holds()
    {
        _load.Permille = 1000;
        var limiter = Limiter();
        Assert.Null(limiter.Snapshot().MaxInFlight);
        Assert.All(Enter(limiter, 64), permit => Assert.True(permit.IsAdmitted));
        Assert.False(limiter.TryEnter().IsAdmitted);
    }

    [Fact]
    public void Nothing_is_concluded_from_fewer_than_five_buckets()
    {
        _load.Permille = 1000;
        var limiter = Limiter();
        Teach(limiter, 4, 1, 9);
        Assert.Null(limiter.Snapshot().MaxInFlight);
        Teach(limiter, 1, 1, 9);
        Assert.Equal(1, limiter.Snapshot().MaxInFlight);
    }

    [Fact]
    public void The_first_two_are_never_refused_because_of_the_load()
    {
        _load.Permille = 1000;
        var limiter = Taught(1, 1);
        Assert.Equal(1, limiter.Snapshot().MaxInFlight);
        Assert.Equal([true, true, false], Enter(limiter, 3).Select(permit => permit.IsAdmitted));
    }

    [Fact]
    public void A_permit_that_is_completed_twice_counts_once()
    {
        var limiter = Limiter();
        for (var bucket = 0; bucket < 6; bucket++)
        {
            for (var i = 0; i < 3; i++)
            {
                var permit = limiter.TryEnter();
                permit.Complete(Outcome.Success);
                permit.Complete(Outcome.Success);
                permit.Dispose();
            }
            _clock.Advance(TimeSpan.FromMilliseconds(100));
        }
        Assert.Equal(3, limiter.Snapshot().MaxPass);
        Assert.Equal(0, limiter.InFlight);
    }

    [Fact]
    public void Failures_and_what_was_given_up_are_not_measured()
    {
        var limiter = Limiter();
        for (var bucket = 0; bucket < 6; bucket++)
        {
            limiter.TryEnter().Complete(Outcome.Failure);
            limiter.TryEnter().Dispose();
            _clock.Advance(TimeSpan.FromMilliseconds(100));
        }
        Assert.Null(limiter.Snapshot().MaxInFlight);
        Assert.Equal(0, limiter.InFlight);
    }

    [Fact]
    public void What_was_seen_is_forgotten_after_the_window()
    {
        var limiter = Taught(40, 9);
        _clock.Advance(TimeSpan.FromSeconds(11));
        Assert.Null(limiter.Snapshot().MaxInFlight);
    }

    [Fact]
    public void A_window_full_of_waiting_does_not_pass_for_slow_work()
    {
        var limiter = Taught(40, 9);
        // Eleven seconds later the window knows 900 ms only; the last hundred seconds know better.
        Teach(limiter, 110, 1, 900);
        Assert.InRange(limiter.Snapshot().MinTime.TotalMilliseconds, 18, 20);
        // And after a hundred seconds the work is slow indeed.
        Teach(limiter, 1100, 1, 900);
        Assert.InRange(limiter.Snapshot().MinTime.TotalMilliseconds, 900, 901);
    }

    [Fact]
    public void Options_change_without_losing_what_is_in_flight_or_known()
    {
        var limiter = Taught(40, 9);
        _load.Permille = 500;
        var permits = Enter(limiter, 5);
        Assert.True(limiter.TryEnter().Complete(Outcome.Ignored));
        limiter.Options = limiter.Options with { LoadThreshold = 500 };
        Assert.False(limiter.TryEnter().IsAdmitted);
        Assert.Equal(4, limiter.Snapshot().MaxInFlight);
        limiter.Options = limiter.Options with { LoadThreshold = 800, Ceiling = 5 };
        Assert.False(limiter.TryEnter().IsAdmitted);
        permits.ForEach(permit => permit.Complete(Outcome.Success));
        Assert.Equal(0, limiter.InFlight);
        Assert.Throws<ArgumentOutOfRangeException>(() => limiter.Options = limiter.Options with { Ceiling = 0 });
    }

    [Theory]
    [InlineData(50, 10)]
    [InlineData(200, 10)]
    [InlineData(40, 4)]
    public void A_window_of_another_shape_keeps_what_was_counted(int buckets, double seconds)
    {
        var limiter = Limiter();
        Teach(limiter, 20, 40, 9);
        limiter.Options = limiter.Options with { Buckets = buckets, Window = TimeSpan.FromSeconds(seconds) };
        Assert.Equal(4, limiter.Snapshot().MaxInFlight);
        Assert.InRange(limiter.Snapshot().MinTime.TotalMilliseconds, 9, 10);
    }

    [Fact]
    public void A_window_without_samples_may_change_its_shape()
    {
        var limiter = Limiter();
        limiter.Options = limiter.Options with { Buckets = 50 };
        Assert.Null(limiter.Snapshot().MaxInFlight);
        Teach(limiter, 1, 1, 9);
        limiter.Options = limiter.Options with { Buckets = 1000 };
        Assert.Null(limiter.Snapshot().MaxInFlight);
    }

    [Fact]
    public void A_dry_run_decides_and_counts_but_lets_in()
    {
        _load.Permille = 1000;
        var limiter = Taught(40, 9);
        limiter.DryRun = true;
        var permits = Enter(limiter, 7);
        Assert.Equal(Reason.Overloaded, permits[^1].Reason);
        Assert.True(permits[^1].IsAdmitted);
        Assert.Equal((0, 2), (limiter.Counts.Refused, limiter.Counts.WouldHaveRefused));
        Assert.True(limiter.Snapshot().InEpisode);
        permits.ForEach(permit => permit.Dispose());
        Assert.Equal(0, limiter.InFlight);
    }

    [Fact]
    public void Eight_threads_leave_nothing_in_flight_and_totals_are_exact()
    {
        var limiter = new BbrLimiter(new BbrLimiterOptions { Ceiling = 6 }, new FixedLoad(1000), TimeProvider.System);
        long admitted = 0, most = 0;
        Stress.Run((_, _) =>
        {
            using var permit = limiter.TryEnter();
            if (!permit.IsAdmitted) return;
            Interlocked.Increment(ref admitted);
            if (limiter.InFlight > 6) Interlocked.Increment(ref most);
            permit.Complete(Outcome.Success);
        });
        Assert.Equal(0, limiter.InFlight);
        Assert.Equal(0, most);
        Assert.Equal(admitted, limiter.Counts.Admitted);
        Assert.Equal(8_000_000, limiter.Counts.Admitted + limiter.Counts.Refused);
    }

    [Fact]
    public void A_decision_allocates_nothing()
    {
        var limiter = new BbrLimiter(new BbrLimiterOptions { Ceiling = 1 }, new FixedLoad(1000), TimeProvider.System);
        Assert.Equal(0, Allocations.Of(() =>
        {
            using var permit = limiter.TryEnter();
            limiter.TryEnter();
            permit.Complete(Outcome.Success);
        }));
    }

    private BbrLimiter Limiter() => new(new BbrLimiterOptions { Ceiling = 64 }, _load, _clock);

    private BbrLimiter Taught(int passes, double milliseconds)
    {
        var limiter = Limiter();
        Teach(limiter, 6, passes, milliseconds);
        return limiter;
    }

    // So many completions in each bucket of 100 ms, the last of them complete.
    private void Teach(BbrLimiter limiter, int buckets, int passes, double milliseconds)
    {
        var load = _load.Permille;
        _load.Permille = 0;
        for (var bucket = 0; bucket < buckets; bucket++)
        {
            var permits = Enter(limiter, passes);
            _clock.Advance(TimeSpan.FromMilliseconds(milliseconds));
            permits.ForEach(permit => permit.Complete(Outcome.Success));
            _clock.Advance(TimeSpan.FromMilliseconds(100 * Math.Ceiling(milliseconds / 100) - milliseconds));
        }
        _load.Permille = load;
    }

    private static List<Permit> Enter(BbrLimiter limiter, int count) => [.. Enumerable.Range(0, count).Select(_ => limiter.TryEnter())];

    [Fact]
    public void A_window_that_grows_wider_buckets_during_a_decision_does_not_stop_the_limit()
    {
        var clock = new ClockThatLetsOthersIn { Now = TimeSpan.FromHours(1) };
        var narrow = new BbrLimiterOptions { Window = TimeSpan.FromSeconds(1), Buckets = 10, MinBuckets = 1 };
        var limiter = new BbrLimiter(narrow, new FixedLoad(1000), clock);
        // Between the reading of the time and the calculation of the limit.
        clock.Other = () => limiter.Options = narrow with { Window = TimeSpan.FromSeconds(100) };
        limiter.Snapshot();
        Assert.Null(clock.Other);
        limiter.TryEnter().Complete(Outcome.Success);
        clock.Now += TimeSpan.FromSeconds(10);
        Assert.NotNull(limiter.Snapshot().MaxInFlight);
    }

    [Fact]
    public void More_buckets_asked_for_than_can_ever_be_complete_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>("MinBuckets", () => new BbrLimiter(new BbrLimiterOptions { Buckets = 10, MinBuckets = 10 }, _load, _clock));
        new BbrLimiterOptions { Buckets = 10, MinBuckets = 9 }.Check();
    }

    private sealed class ClockThatLetsOthersIn : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public Action? Other { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp()
        {
            var now = Now.Ticks;
            var other = Other;
            Other = null;
            other?.Invoke();
            return now;
        }
    }
}
