using FeedMall.Resilience.RateLimiting;
using Xunit;

namespace FeedMall.Tests.Resilience.RateLimiting;

public sealed class KeyedTokenBucketsTests
{
    private readonly SettableClock _clock = new();

    [Fact]
    public void Each_key_has_a_bucket_of_its_own()
    {
        var buckets = Buckets(rate: 1, burst: 2);
        Assert.True(buckets.TryTake("a", 2).IsAdmitted);
        var decision = buckets.TryTake("a");
        Assert.False(decision.IsAdmitted);
        Assert.Equal(1, decision.RetryAfter.TotalSeconds, 1e-6);
        Assert.True(buckets.TryTake("b", 2).IsAdmitted);
        _clock.Seconds = 1;
        Assert.True(buckets.TryTake("a").IsAdmitted);
        Assert.Equal(new KeyedRateSnapshot(2, Admitted: 3, Refused: 1, WouldHaveRefused: 0, Overflowed: 0), buckets.Snapshot());
        Assert.Throws<ArgumentOutOfRangeException>(() => buckets.TryTake("a", 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => buckets.TryTake("a", -1));
    }

    [Fact]
    public void Invented_keys_share_one_bucket_and_leave_known_keys_alone()
    {
        var buckets = Buckets(rate: 1, burst: 10, maxKeys: 100, overflow: new() { Rate = 1, Burst = 5 });
        for (var i = 0; i < 100; i++) Assert.True(buckets.TryTake($"known {i}").IsAdmitted);
        var passed = Enumerable.Range(0, 100_000).Count(i => buckets.TryTake($"invented {i}").IsAdmitted);
        Assert.Equal(5, passed);
        Assert.Equal(100, buckets.Snapshot().Keys);
        Assert.Equal(100_000, buckets.Snapshot().Overflowed);
        for (var i = 0; i < 100; i++) Assert.True(buckets.TryTake($"known {i}", 9).IsAdmitted);
        // More at once than the shared bucket holds is refused, not an error: the key is in its right.
        Assert.False(buckets.TryTake("new", 10).IsAdmitted);
    }

    [Fact]
    public void Only_buckets_that_are_full_again_are_cleared_out()
    {
        var buckets = Buckets(rate: 1, burst: 100, maxKeys: 3);
        Assert.True(buckets.TryTake("empty", 100).IsAdmitted);
        Assert.True(buckets.TryTake("idle", 60).IsAdmitted);
        Assert.Equal(2, buckets.Snapshot().Keys);
        _clock.Seconds = 60;
        Assert.True(buckets.TryTake("new").IsAdmitted);
        Assert.Equal(2, buckets.Snapshot().Keys);
        Assert.True(buckets.TryTake("empty", 60).IsAdmitted);
        Assert.False(buckets.TryTake("empty").IsAdmitted);
    }

    [Fact]
    public void While_there_is_no_place_a_sweep_comes_each_second()
    {
        var buckets = Buckets(rate: 1, burst: 1, maxKeys: 1, overflow: new() { Rate = 0, Burst = 1 });
        Assert.True(buckets.TryTake("a").IsAdmitted);
        Assert.True(buckets.TryTake("b").IsAdmitted);
        Assert.False(buckets.TryTake("b").IsAdmitted);
        _clock.Seconds = 1;
        Assert.True(buckets.TryTake("b").IsAdmitted);
        Assert.Equal((1, 2L), (buckets.Snapshot().Keys, buckets.Snapshot().Overflowed));
    }

    [Fact]
    public void New_options_hold_for_keys_that_are_there_and_their_tokens_stay()
    {
        var buckets = Buckets(rate: 1, burst: 10);
        buckets.TryTake("a", 9);
        buckets.Options = buckets.Options with { PerKey = new() { Rate = 100, Burst = 50 }, MaxKeys = 1 };
        Assert.False(buckets.TryTake("a", 2).IsAdmitted);
        _clock.Seconds = 0.1m;
        Assert.True(buckets.TryTake("a", 11).IsAdmitted);
        Assert.Throws<ArgumentOutOfRangeException>(() => buckets.Options = buckets.Options with { MaxKeys = 0 });
    }

    [Fact]
    public void A_dry_run_counts_and_lets_pass()
    {
        var buckets = Buckets(rate: 1, burst: 1, maxKeys: 1, overflow: new() { Rate = 0, Burst = 1 });
        buckets.DryRun = true;
        foreach (var key in (string[])["a", "a", "b", "b"]) Assert.True(buckets.TryTake(key).IsAdmitted);
        Assert.Equal(new KeyedRateSnapshot(1, Admitted: 4, Refused: 0, WouldHaveRefused: 2, Overflowed: 2), buckets.Snapshot());
    }

    [Fact]
    public void Asking_for_a_known_key_allocates_nothing()
    {
        var buckets = Buckets(rate: 1, burst: 1);
        Assert.Equal(0, Allocations.Of(() => buckets.TryTake("a")));
    }

    [Fact]
    public void Eight_threads_get_exactly_what_each_key_has()
    {
        var keys = Enumerable.Range(0, 1000).Select(i => $"key {i}").ToArray();
        // Room for one more of each thread: two that bring the same new key at once count as two for that moment.
        var buckets = Buckets(rate: 1, burst: 3000, maxKeys: 1000 + Stress.Threads);
        Stress.Run((thread, turn) => buckets.TryTake(keys[(turn + thread * 125) % 1000]));
        // Asked 8000 times each.
        Assert.Equal(new KeyedRateSnapshot(1000, 3_000_000, 5_000_000, 0, 0), buckets.Snapshot());
    }

    [Fact]
    public void Sweeps_and_new_options_in_between_give_nobody_more()
    {
        var keys = Enumerable.Range(0, 64).Select(i => $"key {i}").ToArray();
        var buckets = Buckets(rate: 10, burst: 10, maxKeys: 32, overflow: new() { Rate = 10, Burst = 10 });
        var given = new long[64];
        Stress.Run((thread, turn) =>
        {
            // Time goes on so fast that buckets fill up, are swept, and their keys come back.
            if (thread == 0 && turn % 100 == 0) _clock.Seconds += 0.1m;
            if (thread == 0 && turn % 3000 == 0) buckets.Options = buckets.Options with { SweepEvery = TimeSpan.FromSeconds(1 + turn % 2) };
            var key = (turn / 500 * 8 + thread + turn) % 64;
            if (buckets.TryTake(keys[key]).IsAdmitted) Interlocked.Increment(ref given[key]);
        }, turns: 200_000);
        var most = 10 + 10 * (double)_clock.Seconds;
        var snapshot = buckets.Snapshot();
        Assert.InRange(snapshot.Keys, 1, 32);
        Assert.True(snapshot.Overflowed > 0);
        Assert.Equal(8 * 200_000, snapshot.Admitted + snapshot.Refused);
        Assert.All(given, count => Assert.True(count <= 2 * most, $"{count} of its own {most} and of the overflow's as many"));
        Assert.True(snapshot.Admitted <= 65 * most);
    }

    private KeyedTokenBuckets<string> Buckets(double rate, double burst, int maxKeys = 100, TokenBucketOptions? overflow = null) =>
        new(new KeyedTokenBucketsOptions { PerKey = new() { Rate = rate, Burst = burst }, MaxKeys = maxKeys, Overflow = overflow ?? new() }, _clock);
}
