using FeedMall.Resilience;
using FeedMall.Resilience.RateLimiting;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.RateLimiting;

public sealed class LeakyBucketTests
{
    private sealed record Shaped(double Rate, int Slack, decimal[] Arrivals, double[] WaitMilliseconds);

    [Fact]
    public async Task The_published_waits_come_out()
    {
        foreach (var table in Vectors.Read<Shaped[]>("shaper"))
        {
            var clock = new TestClock();
            var shaper = new LeakyBucketShaper(new ShaperOptions { Rate = table.Rate, Slack = table.Slack }, clock);
            var start = clock.GetUtcNow();
            var passed = new List<Task<double>>();
            foreach (var at in table.Arrivals)
            {
                // The test clock's timestamps may be one tick short of the instant.
                Go(clock, start, at * 1000 + (at > 0 ? 0.001m : 0));
                var arrived = clock.GetUtcNow();
                passed.Add(PassAsync(shaper, clock, arrived));
            }
            Go(clock, start, 5000);
            var waits = await Task.WhenAll(passed);
            // A wait is rounded up to whole milliseconds by the timer.
            Assert.All(waits.Zip(table.WaitMilliseconds), wait => Assert.InRange(wait.First, wait.Second - 0.01, wait.Second + 1.01));
            Assert.Equal(new ShaperSnapshot(0, table.Arrivals.Length, 0, 0), shaper.Snapshot());
        }
    }

    [Fact]
    public async Task Who_would_wait_past_his_deadline_is_refused_at_once()
    {
        var shaper = new LeakyBucketShaper(new ShaperOptions { Rate = 10, Slack = 0 }, new TestClock());
        Assert.True((await shaper.EnterAsync(TimeSpan.FromSeconds(1), Token)).IsAdmitted);
        var decision = await shaper.EnterAsync(TimeSpan.FromMilliseconds(99), Token);
        Assert.Equal((false, Reason.RateLimited), (decision.IsAdmitted, decision.Reason));
        Assert.Equal(0.1, decision.RetryAfter.TotalSeconds, 1e-6);
        // Nor longer than the shaper's own limit, whatever time is left.
        var inLine = Enumerable.Range(0, 10).Select(_ => shaper.EnterAsync(TimeSpan.FromHours(1), Token).AsTask()).ToList();
        Assert.False((await shaper.EnterAsync(TimeSpan.FromHours(1), Token)).IsAdmitted);
        Assert.All(inLine, waiting => Assert.False(waiting.IsCompleted));
        Assert.Equal(new ShaperSnapshot(10, 11, 2, 0), shaper.Snapshot());
    }

    [Fact]
    public async Task A_full_queue_refuses_and_does_not_use_up_a_slot()
    {
        var clock = new TestClock();
        var shaper = new LeakyBucketShaper(new ShaperOptions { Rate = 10, Slack = 0, MaxQueue = 2 }, clock);
        await shaper.EnterAsync(TimeSpan.FromSeconds(9), Token);
        var first = shaper.EnterAsync(TimeSpan.FromSeconds(9), Token).AsTask();
        var second = shaper.EnterAsync(TimeSpan.FromSeconds(9), Token).AsTask();
        Assert.False((await shaper.EnterAsync(TimeSpan.FromSeconds(9), Token)).IsAdmitted);
        clock.Advance(TimeSpan.FromMilliseconds(101));
        Assert.True((await first).IsAdmitted);
        Assert.False(second.IsCompleted);
        var third = shaper.EnterAsync(TimeSpan.FromSeconds(9), Token).AsTask();
        clock.Advance(TimeSpan.FromMilliseconds(200));
        Assert.True((await second).IsAdmitted);
        Assert.True((await third).IsAdmitted);
        Assert.Equal(new ShaperSnapshot(0, 4, 1, 0), shaper.Snapshot());
    }

    [Fact]
    public async Task Who_is_cancelled_gives_his_slot_back()
    {
        var clock = new TestClock();
        var shaper = new LeakyBucketShaper(new ShaperOptions { Rate = 10, Slack = 0 }, clock);
        await shaper.EnterAsync(TimeSpan.FromSeconds(1), Token);
        using var source = new CancellationTokenSource();
        var cancelled = shaper.EnterAsync(TimeSpan.FromSeconds(1), source.Token).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.Equal(0, shaper.Snapshot().Waiting);
        var next = shaper.EnterAsync(TimeSpan.FromMilliseconds(100), Token).AsTask();
        clock.Advance(TimeSpan.FromMilliseconds(101));
        Assert.True((await next).IsAdmitted);
    }

    [Fact]
    public async Task In_a_dry_run_the_shaper_lets_pass_at_once()
    {
        var shaper = new LeakyBucketShaper(new ShaperOptions { Rate = 10, Slack = 0, MaxQueue = 1, MaxWait = TimeSpan.FromSeconds(1) }, new TestClock()) { DryRun = true };
        for (var i = 0; i < 20; i++) Assert.True((await shaper.EnterAsync(TimeSpan.FromSeconds(9), Token)).IsAdmitted);
        Assert.Equal(new ShaperSnapshot(0, 20, 0, 9), shaper.Snapshot());
    }

    [Fact]
    public void Eight_threads_get_the_slots_of_the_schedule_and_no_more()
    {
        var shaper = new LeakyBucketShaper(new ShaperOptions { Rate = 1000, Slack = 10, MaxQueue = 0 }, new SettableClock());
        var passed = 0;
        Stress.Run((_, _) =>
        {
            if (shaper.EnterAsync(TimeSpan.FromSeconds(1), CancellationToken.None).AsTask() is { IsCompletedSuccessfully: true, Result.IsAdmitted: true })
                Interlocked.Increment(ref passed);
        });
        Assert.Equal(1, passed);
        Assert.Equal(new ShaperSnapshot(0, 1, 7_999_999, 0), shaper.Snapshot());
    }

    [Fact]
    public void Eight_threads_fill_a_meter_to_the_brim_and_no_further()
    {
        var meter = new LeakyBucketMeter(new LeakyBucketOptions { Leak = 0, Capacity = 5_000_000 }, TimeProvider.System);
        var poured = new long[Stress.Threads];
        Stress.Run((thread, turn) =>
        {
            if (meter.TryPour().IsAdmitted) poured[thread]++;
            // And while the options change.
            if (thread == 0 && turn % 1000 == 0) meter.Options = meter.Options with { Leak = 0 };
        });
        Assert.Equal((5_000_000, 5_000_000.0), (poured.Sum(), meter.Level));
        Assert.Equal(new RateSnapshot(0, 5_000_000, 3_000_000, 0), meter.Snapshot());
    }

    [Fact]
    public void The_meter_decides_by_its_level() =>
        Prop.ForAll(Gen.Choose(0, 300).Zip(Gen.Choose(1, 8)).ListOf().ToArbitrary(), steps =>
        {
            var clock = new SettableClock();
            var meter = new LeakyBucketMeter(new LeakyBucketOptions { Leak = 20, Capacity = 8 }, clock);
            var level = 0.0;
            foreach (var (wait, amount) in steps)
            {
                clock.Seconds += wait / 1000m;
                level = Math.Max(0, level - wait / 1000.0 * 20);
                var fits = level + amount <= 8 + 1e-9;
                if (fits) level += amount;
                if (meter.TryPour(amount).IsAdmitted != fits || Math.Abs(meter.Level - level) > 1e-6) return false;
            }
            return true;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_meter_takes_new_options_and_a_dry_run()
    {
        var meter = new LeakyBucketMeter(new LeakyBucketOptions { Leak = 1, Capacity = 2 }, new SettableClock());
        Assert.Throws<ArgumentOutOfRangeException>(() => meter.TryPour(3));
        Assert.True(meter.TryPour(2).IsAdmitted);
        Assert.False(meter.TryPour().IsAdmitted);
        meter.DryRun = true;
        Assert.True(meter.TryPour().IsAdmitted);
        meter.DryRun = false;
        meter.Options = new LeakyBucketOptions { Leak = 1, Capacity = 3 };
        Assert.Equal(3, meter.Level);
        Assert.Throws<ArgumentOutOfRangeException>(() => meter.Options = new LeakyBucketOptions { Leak = double.PositiveInfinity });
        Assert.Equal(new RateSnapshot(0, 2, 1, 1), meter.Snapshot());
    }

    [Theory]
    [InlineData(0, 0, 1, 1)]
    [InlineData(1, -1, 1, 1)]
    [InlineData(1, 0, -1, 1)]
    [InlineData(1, 0, 1, 3601)]
    public void A_shaper_out_of_range_is_refused(double rate, int slack, int queue, int waitSeconds) => Assert.Throws<ArgumentOutOfRangeException>(() =>
        new LeakyBucketShaper(new ShaperOptions { Rate = rate, Slack = slack, MaxQueue = queue, MaxWait = TimeSpan.FromSeconds(waitSeconds) }, new TestClock()));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static async Task<double> PassAsync(LeakyBucketShaper shaper, TestClock clock, DateTimeOffset arrived)
    {
        // Continues inside of Advance, where the clock stands at the instant of the timer.
        var decision = await shaper.EnterAsync(TimeSpan.FromSeconds(1), Token).ConfigureAwait(false);
        Assert.True(decision.IsAdmitted);
        return (clock.GetUtcNow() - arrived).TotalMilliseconds;
    }

    private static void Go(TestClock clock, DateTimeOffset start, decimal milliseconds) =>
        clock.Advance(start + TimeSpan.FromTicks((long)(milliseconds * TimeSpan.TicksPerMillisecond)) - clock.GetUtcNow());
}
