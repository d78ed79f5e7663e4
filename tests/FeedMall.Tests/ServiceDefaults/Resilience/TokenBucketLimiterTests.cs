using System.Globalization;
using System.Net;
using System.Threading.RateLimiting;
using FeedMall.Resilience.RateLimiting;
using FeedMall.ServiceDefaults.Resilience;
using FeedMall.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FeedMall.Tests.ServiceDefaults.Resilience;

public sealed class TokenBucketLimiterTests
{
    private readonly TestClock _clock = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void A_refused_lease_says_when_to_come_again()
    {
        using var limiter = Limiter(rate: 10, burst: 2);
        using var both = limiter.AttemptAcquire(2);
        using var refused = limiter.AttemptAcquire();
        Assert.True(both.IsAcquired);
        Assert.Empty(both.MetadataNames);
        Assert.False(refused.IsAcquired);
        Assert.True(refused.TryGetMetadata(MetadataName.RetryAfter, out var retryAfter));
        Assert.Equal(0.1, retryAfter.TotalSeconds, 1e-6);
        Assert.Throws<ArgumentOutOfRangeException>(() => limiter.AttemptAcquire(3));
    }

    [Fact]
    public async Task Who_may_wait_gets_his_lease_in_time_and_too_long_a_wait_is_refused_at_once()
    {
        using var limiter = Limiter(rate: 10, burst: 1, maxWait: 0.15);
        Assert.True((await limiter.AcquireAsync(1, Token)).IsAcquired);
        var waiting = limiter.AcquireAsync(1, Token).AsTask();
        Assert.Equal(1, limiter.GetStatistics()!.CurrentQueuedCount);
        Assert.False((await limiter.AcquireAsync(1, Token)).IsAcquired);
        Assert.False(waiting.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(101));
        Assert.True((await waiting).IsAcquired);
        using var source = new CancellationTokenSource();
        var cancelled = limiter.AcquireAsync(1, source.Token).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        var statistics = limiter.GetStatistics()!;
        Assert.Equal((0, 3, 1), (statistics.CurrentQueuedCount, statistics.TotalSuccessfulLeases, statistics.TotalFailedLeases));
    }

    [Fact]
    public void A_limiter_is_idle_while_its_bucket_is_full()
    {
        using var limiter = Limiter(rate: 10, burst: 1);
        Assert.Equal(TimeSpan.Zero, limiter.IdleDuration);
        limiter.AttemptAcquire().Dispose();
        Assert.Null(limiter.IdleDuration);
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(5, limiter.IdleDuration!.Value.TotalSeconds, 1e-6);
        Assert.Equal(1, limiter.GetStatistics()!.CurrentAvailablePermits);
    }

    // Both fill up with the time that has passed and keep fractions, so with whole tokens per step they must agree. Where they differ: the framework's refills by its own
    // clock and only when it is told to (or by a timer, a whole period's tokens at once), and its refusal names the wait for whole periods.
    [Fact]
    public async Task It_decides_as_the_frameworks_own_bucket_when_that_is_refilled_before_each_question()
    {
        using var theirs = new TokenBucketRateLimiter(new TokenBucketRateLimiterOptions
        {
            TokenLimit = 5, TokensPerPeriod = 1, ReplenishmentPeriod = TimeSpan.FromMilliseconds(40), AutoReplenishment = false, QueueLimit = 0,
        });
        using var ours = new TokenBucketLimiter(new TokenBucket(new TokenBucketOptions { Rate = 25, Burst = 5 }, TimeProvider.System), TimeSpan.Zero, TimeProvider.System);
        var (admittedByTheirs, admittedByOurs, asked) = (0, 0, 0);
        var startedAt = TimeProvider.System.GetTimestamp();
        // Each is asked far more often than it can admit, so both admit what their rate and burst give in this time.
        while (TimeProvider.System.GetElapsedTime(startedAt) < TimeSpan.FromSeconds(1))
        {
            asked++;
            theirs.TryReplenish();
            if (theirs.AttemptAcquire().IsAcquired) admittedByTheirs++;
            if (ours.AttemptAcquire().IsAcquired) admittedByOurs++;
            if (asked % 16 == 0) await Task.Yield();
        }
        Assert.InRange(asked, 100, int.MaxValue);
        Assert.InRange(admittedByOurs, 6, 5 + 25 * TimeProvider.System.GetElapsedTime(startedAt).TotalSeconds + 1e-6);
        // On a busy machine the thread may be held up between the two questions: then one is ahead by what a bucket holds, at most.
        Assert.InRange(admittedByTheirs - admittedByOurs, -5, 5);
    }

    [Fact]
    public void The_frameworks_partitions_take_ours_for_each_key()
    {
        using var partitions = PartitionedRateLimiter.Create<string, string>(user => RateLimitPartition.Get(user, _ => (RateLimiter)Limiter(rate: 1, burst: 2)));
        Assert.True(partitions.AttemptAcquire("a", 2).IsAcquired);
        Assert.False(partitions.AttemptAcquire("a").IsAcquired);
        Assert.True(partitions.AttemptAcquire("b", 2).IsAcquired);
        _clock.Advance(TimeSpan.FromSeconds(1.001));
        Assert.True(partitions.AttemptAcquire("a").IsAcquired);
        Assert.Equal(2, partitions.GetStatistics("a")!.TotalSuccessfulLeases);
    }

    [Fact]
    public async Task The_frameworks_middleware_answers_429_with_our_retry_after()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRoutingCore();
        builder.Services.AddLogging(logging => logging.ClearProviders()).AddRateLimiter(options =>
        {
            options.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
            options.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(http =>
                RateLimitPartition.Get(http.Request.Headers["user"].ToString(), _ => (RateLimiter)Limiter(rate: 0.1, burst: 2)));
            options.OnRejected = (rejected, _) =>
            {
                rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var retryAfter);
                rejected.HttpContext.Response.Headers.RetryAfter = Math.Ceiling(retryAfter.TotalSeconds).ToString(CultureInfo.InvariantCulture);
                return ValueTask.CompletedTask;
            };
        });
        await using var app = builder.Build();
        app.UseRateLimiter();
        app.Run(http => http.Response.WriteAsync("ok"));
        await app.StartAsync(Token);
        using var client = new HttpClient { BaseAddress = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()) };

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(client, "a")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(client, "a")).StatusCode);
        using var refused = await GetAsync(client, "a");
        Assert.Equal((HttpStatusCode.TooManyRequests, 10), (refused.StatusCode, refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(client, "b")).StatusCode);
        _clock.Advance(TimeSpan.FromSeconds(10.001));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(client, "a")).StatusCode);
    }

    private static async Task<HttpResponseMessage> GetAsync(HttpClient client, string user)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.Add("user", user);
        return await client.SendAsync(request, Token);
    }

    private TokenBucketLimiter Limiter(double rate, double burst, double maxWait = 0) =>
        new(new TokenBucket(new TokenBucketOptions { Rate = rate, Burst = burst }, _clock), TimeSpan.FromSeconds(maxWait), _clock);
}
