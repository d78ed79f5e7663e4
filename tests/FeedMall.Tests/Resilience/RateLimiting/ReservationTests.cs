using FeedMall.Resilience.RateLimiting;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Resilience.RateLimiting;

public sealed class ReservationTests
{
    private readonly SettableClock _clock = new();

    [Fact]
    public void Who_reserves_waits_for_what_is_missing_and_later_ones_wait_behind()
    {
        var bucket = Bucket(10, 5);
        Assert.Equal(TimeSpan.Zero, Reserve(bucket, 5)!.Wait);
        Assert.Equal(0.2, Reserve(bucket, 2)!.Wait.TotalSeconds, 1e-6);
        Assert.Equal(0.3, Reserve(bucket, 1)!.Wait.TotalSeconds, 1e-6);
        Assert.Equal(-3, bucket.Snapshot().Tokens, 1e-6);
        Assert.False(bucket.TryTake().IsAdmitted);
        _clock.Seconds = 0.4m;
        Assert.True(bucket.TryTake().IsAdmitted);
    }

    [Fact]
    public void Who_would_wait_too_long_is_refused_at_once_and_takes_nothing()
    {
        var bucket = Bucket(10, 1);
        bucket.TryTake();
        var decision = bucket.TryReserve(1, TimeSpan.FromMilliseconds(99), out var reservation);
        Assert.False(decision.IsAdmitted);
        Assert.Null(reservation);
        Assert.Equal(0.1, decision.RetryAfter.TotalSeconds, 1e-6);
        Assert.True(bucket.TryReserve(1, TimeSpan.FromMilliseconds(100), out _).IsAdmitted);
        Assert.False(bucket.TryReserve(1, TimeSpan.FromSeconds(-1), out _).IsAdmitted);
    }

    [Fact]
    public void A_cancelled_reservation_gives_its_tokens_back_once()
    {
        var bucket = Bucket(10, 5);
        bucket.TryTake(5);
        var reservation = Reserve(bucket, 3)!;
        reservation.Cancel();
        reservation.Cancel();
        Assert.Equal(0, bucket.Snapshot().Tokens, 1e-6);
        Assert.Equal(0.1, Reserve(bucket, 1)!.Wait.TotalSeconds, 1e-6);
    }

    [Fact]
    public void A_place_in_the_middle_of_the_line_is_not_given_to_somebody_who_would_crowd_the_end()
    {
        var bucket = Bucket(1, 1);
        bucket.TryTake();
        var middle = Reserve(bucket, 1)!;
        var last = Reserve(bucket, 1)!;
        middle.Cancel();
        // Where the last one goes, at 2 s, there is no room for two.
        var next = Reserve(bucket, 1)!;
        Assert.Equal((2.0, 3.0), (last.Wait.TotalSeconds, next.Wait.TotalSeconds));
        next.Cancel();
        last.Cancel();
        Assert.Equal(2, Reserve(bucket, 1)!.Wait.TotalSeconds, 1e-6);
    }

    [Fact]
    public void A_reservation_from_before_a_change_of_options_keeps_its_tokens()
    {
        var bucket = Bucket(10, 5);
        bucket.TryTake(5);
        var reservation = Reserve(bucket, 1)!;
        bucket.Options = new TokenBucketOptions { Rate = 20, Burst = 5 };
        reservation.Cancel();
        Assert.Equal(-1, bucket.Snapshot().Tokens, 1e-6);
    }

    [Fact]
    public async Task Who_takes_with_a_wait_gets_his_tokens_when_they_are_there()
    {
        var clock = new TestClock();
        var bucket = new TokenBucket(new TokenBucketOptions { Rate = 10, Burst = 1 }, clock);
        Assert.True((await bucket.TakeAsync(1, TimeSpan.Zero, Token)).IsAdmitted);
        var waiting = bucket.TakeAsync(1, TimeSpan.FromSeconds(1), Token).AsTask();
        clock.Advance(TimeSpan.FromMilliseconds(99));
        Assert.False(waiting.IsCompleted);
        clock.Advance(TimeSpan.FromMilliseconds(2));
        Assert.True((await waiting).IsAdmitted);
    }

    [Fact]
    public async Task Who_is_cancelled_while_waiting_gives_the_tokens_back()
    {
        var clock = new TestClock();
        var bucket = new TokenBucket(new TokenBucketOptions { Rate = 10, Burst = 1 }, clock);
        bucket.TryTake();
        using var source = new CancellationTokenSource();
        var waiting = bucket.TakeAsync(1, TimeSpan.FromSeconds(1), source.Token).AsTask();
        Assert.Equal(-1, bucket.Snapshot().Tokens, 1e-6);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(0, bucket.Snapshot().Tokens, 1e-6);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => bucket.TakeAsync(1, TimeSpan.FromSeconds(1), source.Token).AsTask());
    }

    [Fact]
    public void In_a_dry_run_nobody_waits()
    {
        var bucket = Bucket(10, 1);
        bucket.DryRun = true;
        for (var i = 0; i < 50; i++) Assert.Equal(TimeSpan.Zero, Reserve(bucket, 1)!.Wait);
    }

    [Fact]
    public void Eight_threads_that_reserve_and_cancel_leave_nothing_behind()
    {
        var bucket = Bucket(1, 1000);
        Stress.Run((_, _) =>
        {
            bucket.TryReserve(1, TimeSpan.FromHours(1), out var reservation);
            reservation?.Cancel();
        }, turns: 200_000);
        // Cancelled in the middle of the line, a token stays taken; it is never given back twice.
        Assert.InRange(bucket.Snapshot().Tokens, -3600, 1000);
        Stress.Run((thread, _) => Reserve(bucket, 1, TimeSpan.MaxValue), turns: 1000);
        Assert.True(bucket.Snapshot().Tokens <= -7000, "8000 were taken from at most 1000");
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private TokenBucket Bucket(double rate, double burst) => new(new TokenBucketOptions { Rate = rate, Burst = burst }, _clock);

    private static Reservation? Reserve(TokenBucket bucket, int tokens, TimeSpan? maxWait = null)
    {
        Assert.True(bucket.TryReserve(tokens, maxWait ?? TimeSpan.FromMinutes(1), out var reservation).IsAdmitted);
        return reservation;
    }
}
