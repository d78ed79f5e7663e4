using FeedMall.Resilience;
using FeedMall.Resilience.RateLimiting;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.RateLimiting;

public sealed class TokenBucketTests
{
    private const double Precision = 1e-6;

    private sealed record Take(decimal AtSeconds, int Tokens, bool? Taken, double Left, double RetryAfterSeconds);

    private sealed record Table(double Rate, double Burst, Take[] Takes);

    private sealed record Arrival(decimal AtSeconds, bool Taken, double ArrivalSeconds, double RetryAfterSeconds);

    private sealed record ArrivalTable(double Rate, double Burst, Arrival[] Takes);

    private readonly SettableClock _clock = new();

    [Fact]
    public void The_published_answers_come_out()
    {
        var table = Vectors.Read<Table>("token-bucket");
        var bucket = Bucket(table.Rate, table.Burst);
        Assert.All(table.Takes, take =>
        {
            _clock.Seconds = take.AtSeconds;
            if (take.Taken is { } taken)
            {
                var decision = bucket.TryTake(take.Tokens);
                Assert.Equal((taken, taken ? Reason.None : Reason.RateLimited), (decision.IsAdmitted, decision.Reason));
                Assert.Equal(take.RetryAfterSeconds, decision.RetryAfter.TotalSeconds, Precision);
            }
            else Assert.Throws<ArgumentOutOfRangeException>(() => bucket.TryTake(take.Tokens));
            Assert.Equal(take.Left, bucket.Snapshot().Tokens, Precision);
        });
    }

    [Fact]
    public void The_published_arrival_times_come_out()
    {
        var table = Vectors.Read<ArrivalTable>("gcra");
        var bucket = Bucket(table.Rate, table.Burst);
        Assert.All(table.Takes, take =>
        {
            _clock.Seconds = take.AtSeconds;
            var decision = bucket.TryTake();
            Assert.Equal(take.Taken, decision.IsAdmitted);
            Assert.Equal(take.RetryAfterSeconds, decision.RetryAfter.TotalSeconds, Precision);
            // The time at which the bucket would be full again is the theoretical arrival time.
            var full = (double)take.AtSeconds + (table.Burst - bucket.Snapshot().Tokens) / table.Rate;
            Assert.Equal(take.ArrivalSeconds, full, Precision);
        });
    }

    [Fact]
    public void Without_a_rate_only_the_first_burst_is_given()
    {
        var bucket = Bucket(0, 3);
        Assert.True(bucket.TryTake(3).IsAdmitted);
        _clock.Seconds = 1_000_000;
        Assert.Equal(new RateDecision(false, Reason.RateLimited, TimeSpan.MaxValue), bucket.TryTake());
        Assert.False(bucket.TryReserve(1, TimeSpan.FromDays(1000), out _).IsAdmitted);
    }

    [Fact]
    public void At_an_infinite_rate_everything_passes()
    {
        var bucket = Bucket(double.PositiveInfinity, 1);
        for (var i = 0; i < 1000; i++) Assert.True(bucket.TryTake(1000).IsAdmitted);
        Assert.Equal(1, bucket.Snapshot().Tokens);
    }

    [Fact]
    public void Asking_for_nothing_says_whether_there_is_something()
    {
        var bucket = Bucket(10, 2);
        Assert.True(bucket.TryTake(0).IsAdmitted);
        bucket.TryTake(2);
        Assert.False(bucket.TryTake(0).IsAdmitted);
        _clock.Seconds = 0.001m;
        Assert.True(bucket.TryTake(0).IsAdmitted);
        Assert.Equal(0.01, bucket.Snapshot().Tokens, Precision);
        Assert.Throws<ArgumentOutOfRangeException>(() => bucket.TryTake(-1));
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(1e-7, 1)]
    [InlineData(1.1e9, 1)]
    [InlineData(double.NaN, 1)]
    [InlineData(double.NegativeInfinity, 1)]
    [InlineData(1, 0)]
    [InlineData(1, double.NaN)]
    [InlineData(1, double.PositiveInfinity)]
    public void Options_out_of_range_are_refused(double rate, double burst)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Bucket(rate, burst));
        var bucket = Bucket(1, 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => bucket.Options = new TokenBucketOptions { Rate = rate, Burst = burst });
    }

    [Theory]
    [InlineData(1e-6, 1, 10_000_000)]
    [InlineData(1e-6, 1000, 1_000_000_000)]
    [InlineData(1e9, 1e9, 1_000_000_000)]
    [InlineData(1e9, 1, 1000)]
    [InlineData(0.1, 7, 3_333_333)]
    [InlineData(123.456, 1000, 1_000_000_000)]
    public void Every_rate_fills_the_bucket_in_its_time(double rate, double burst, long frequency)
    {
        var clock = new SettableClock(frequency);
        var bucket = new TokenBucket(new TokenBucketOptions { Rate = rate, Burst = burst }, clock);
        Assert.True(bucket.TryTake((int)burst).IsAdmitted);
        var full = burst / rate;
        clock.Seconds = (decimal)(full / 2);
        Assert.Equal(burst / 2, bucket.Snapshot().Tokens, burst * 1e-6 + rate / frequency + 1e-6);
        clock.Seconds = (decimal)full + 1;
        Assert.True(bucket.TryTake((int)burst).IsAdmitted);
        // And after thirty years of it.
        clock.Seconds = Math.Max(clock.Seconds, 30 * 365 * 86_400m) + (decimal)full;
        Assert.Equal(burst, bucket.Snapshot().Tokens, burst * 1e-9);
    }

    [Fact]
    public void Time_that_runs_backwards_brings_nothing_and_takes_nothing()
    {
        var bucket = Bucket(10, 5);
        bucket.TryTake(5);
        _clock.Seconds = 0.2m;
        Assert.True(bucket.TryTake().IsAdmitted);
        _clock.Seconds = 0.1m;
        Assert.Equal(1, bucket.Snapshot().Tokens, Precision);
        Assert.True(bucket.TryTake().IsAdmitted);
        Assert.False(bucket.TryTake().IsAdmitted);
        _clock.Seconds = 0.2m;
        Assert.False(bucket.TryTake().IsAdmitted);
        _clock.Seconds = 0.3m;
        Assert.True(bucket.TryTake().IsAdmitted);
    }

    [Fact]
    public void Options_change_at_once_and_the_tokens_stay()
    {
        var bucket = Bucket(10, 5);
        bucket.TryTake(3);
        bucket.Options = new TokenBucketOptions { Rate = 1000, Burst = 100 };
        Assert.Equal(2, bucket.Snapshot().Tokens, Precision);
        _clock.Seconds = 0.01m;
        Assert.Equal(12, bucket.Snapshot().Tokens, Precision);
        bucket.Options = new TokenBucketOptions { Rate = 0, Burst = 4 };
        Assert.Equal(4, bucket.Snapshot().Tokens, Precision);
        _clock.Seconds = 100;
        Assert.True(bucket.TryTake(4).IsAdmitted);
        Assert.False(bucket.TryTake().IsAdmitted);
        Assert.Equal(3, bucket.Snapshot().Admitted + bucket.Snapshot().Refused);
    }

    [Fact]
    public void A_dry_run_counts_and_lets_pass()
    {
        var bucket = Bucket(1, 1);
        bucket.DryRun = true;
        Assert.Equal(Reason.None, bucket.TryTake().Reason);
        var decision = bucket.TryTake();
        Assert.Equal((true, Reason.RateLimited), (decision.IsAdmitted, decision.Reason));
        Assert.Equal(new RateSnapshot(0, Admitted: 2, Refused: 0, WouldHaveRefused: 1), bucket.Snapshot());
        bucket.DryRun = false;
        Assert.False(bucket.TryTake().IsAdmitted);
        Assert.Equal(new RateSnapshot(0, Admitted: 2, Refused: 1, WouldHaveRefused: 1), bucket.Snapshot());
    }

    // Each step: wait so many milliseconds, then ask for so many tokens.
    private static Arbitrary<(int Rate, int Burst, List<(int Wait, int Tokens)> Steps)> Histories() =>
        (from rate in Gen.Choose(1, 2000)
         from burst in Gen.Choose(1, 20)
         from steps in Gen.Frequency((3, Gen.Constant(0)), (5, Gen.Choose(0, 20)), (1, Gen.Choose(0, 3000))).Zip(Gen.Choose(1, burst)).ListOf()
         select (rate, burst, steps.Select(step => (step.Item1, step.Item2)).ToList())).ToArbitrary();

    [Fact]
    public void No_window_ever_gets_more_than_its_rate_and_one_burst() => Prop.ForAll(Histories(), history =>
    {
        var clock = new SettableClock();
        var bucket = new TokenBucket(new TokenBucketOptions { Rate = history.Rate, Burst = history.Burst }, clock);
        var given = new List<(decimal At, int Tokens)>();
        foreach (var (wait, tokens) in history.Steps)
        {
            clock.Seconds += wait / 1000m;
            if (bucket.TryTake(tokens).IsAdmitted) given.Add((clock.Seconds, tokens));
        }
        for (var from = 0; from < given.Count; from++)
        {
            var sum = 0m;
            for (var to = from; to < given.Count; to++)
            {
                sum += given[to].Tokens;
                if (sum > history.Rate * (given[to].At - given[from].At) + history.Burst + 1e-6m) return false;
            }
        }
        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void It_decides_as_the_form_that_adds_up_tokens_does() => Prop.ForAll(Histories(), history =>
    {
        var clock = new SettableClock();
        var bucket = new TokenBucket(new TokenBucketOptions { Rate = history.Rate, Burst = history.Burst }, clock);
        var model = (double)history.Burst;
        foreach (var (wait, tokens) in history.Steps)
        {
            clock.Seconds += wait / 1000m;
            model = Math.Min(history.Burst, model + wait / 1000.0 * history.Rate);
            var expected = model + 1e-9 >= tokens;
            if (expected) model -= tokens;
            var decision = bucket.TryTake(tokens);
            if (decision.IsAdmitted != expected || Math.Abs(bucket.Snapshot().Tokens - model) > 1e-3) return false;
            if (!expected && Math.Abs(decision.RetryAfter.TotalSeconds - (tokens - model) / history.Rate) > 1e-6) return false;
        }
        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Eight_threads_get_exactly_what_is_there()
    {
        const int burst = 5_000_000;
        var bucket = Bucket(1000, burst);
        Stress.Run((_, _) => bucket.TryTake());
        Assert.Equal(new RateSnapshot(0, Admitted: burst, Refused: 8_000_000 - burst, WouldHaveRefused: 0), bucket.Snapshot());
    }

    [Fact]
    public void Nothing_is_lost_or_won_while_the_options_change()
    {
        const int burst = 500_000;
        TokenBucketOptions[] options = [new() { Rate = 1, Burst = burst }, new() { Rate = 1e6, Burst = burst }];
        var bucket = new TokenBucket(options[0], _clock);
        Stress.Run((thread, turn) =>
        {
            if (thread == 0 && turn % 100 == 0) bucket.Options = options[turn / 100 % 2];
            bucket.TryTake();
        }, turns: 100_000);
        Assert.Equal(new RateSnapshot(0, burst, 800_000 - burst, 0), bucket.Snapshot());
    }

    [Fact]
    public void A_decision_allocates_nothing()
    {
        var bucket = Bucket(1, 100);
        Assert.Equal(0, Allocations.Of(() => bucket.TryTake()));
        Assert.True(bucket.Snapshot().Refused > 0);
    }

    private TokenBucket Bucket(double rate, double burst) => new(new TokenBucketOptions { Rate = rate, Burst = burst }, _clock);
}
