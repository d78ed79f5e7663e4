using System.Diagnostics;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>What users see while a service behind the Bff is killed, hangs, or loses its store: real processes under steady load.</summary>
[Collection(AloneOnTheMachine.Name)]
public sealed class KilledServiceTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_routeTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_pace = TimeSpan.FromMilliseconds(50);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task While_the_feed_is_dead_what_was_seen_is_read_writes_fail_fast_and_all_is_well_soon_after_it_is_back()
    {
        // Answers are fresh for so short a time that all of those that are given are degraded copies.
        await using var system = await LiveSystem.StartAsync("--Protection:Routes:GetPost:CacheTime=00:00:00.200", "--Protection:Routes:ListPosts:CacheTime=00:00:00.200",
            "--Protection:Cache:StaleWhileRevalidate=00:00:00");
        foreach (var post in system.Posts) Assert.Equal(200, (await system.CallAsync($"/v1/feed/posts/{post}")).Status);
        await using var readers = new SteadyUsers(10, s_pace, turn => system.CallAsync(turn % 11 == 10 ? "/v1/feed/posts" : $"/v1/feed/posts/{system.Posts[turn % 10]}"));
        await using var writers = new SteadyUsers(2, s_pace, turn => system.CallAsync($"/v1/feed/posts/{system.Posts[turn % 10]}/like", turn % 4 < 2 ? HttpMethod.Put : HttpMethod.Delete));
        await Task.Delay(TimeSpan.FromSeconds(2), Cancel);
        Tell("before, reads", readers.Take());
        Tell("before, writes", writers.Take());

        await system.KillAsync("Domain.Feed");
        await Task.Delay(TimeSpan.FromSeconds(6), Cancel);
        var (reads, writes) = (Tell("dead, reads", readers.Take()), Tell("dead, writes", writers.Take()));
        Assert.True(reads.Share(answer => answer.Status == 200) >= 0.999);
        Assert.True(reads.Share(answer => answer.IsDegraded) > 0.5);
        Assert.True(reads.Percentile(0.99) <= s_routeTime);
        // One may have been answered before the end.
        Assert.True(writes.Share(answer => answer is { Status: 503 or 504, Reason: not null }) > 0.9);
        Assert.DoesNotContain(writes.Answers, answer => answer.Status == 500);
        Assert.True(writes.Percentile(0.9) <= s_routeTime / 4);

        await system.StartAsync("Domain.Feed");
        var restarted = Stopwatch.GetTimestamp();
        Seen after;
        do
        {
            (_, _) = (readers.Take(), writers.Take());
            await Task.Delay(TimeSpan.FromMilliseconds(500), Cancel);
            (reads, after) = (readers.Take(), writers.Take());
            Assert.True(Stopwatch.GetElapsedTime(restarted) < TimeSpan.FromSeconds(12), $"still {reads}; {after}");
        }
        while (reads.Answers.Any(answer => answer.Status != 200 || answer.IsDegraded) || after.Answers.Any(answer => answer.Status != 200));
        output.WriteLine($"{after}; normal {Stopwatch.GetElapsedTime(restarted).TotalSeconds:0.0} s after it listened");
    }

    [Fact]
    public async Task A_mall_that_takes_ten_seconds_leaves_the_feed_as_it_was()
    {
        // Each request goes the whole way to the feed, and what waits for the mall soon fills its places.
        await using var system = await LiveSystem.StartAsync("--Protection:Cache:Enabled=false", "--Protection:Dependencies:BulkheadPlaces=20");
        await using var feed = new SteadyUsers(6, s_pace, turn => system.CallAsync($"/v1/feed/posts/{system.Posts[turn % 10]}"));
        await using var mall = new SteadyUsers(40, s_pace, turn => system.CallAsync("/v1/mall/products/1"));
        await Task.Delay(TimeSpan.FromSeconds(1), Cancel);
        feed.Take();
        await Task.Delay(TimeSpan.FromSeconds(4), Cancel);
        var before = Tell("before, feed", feed.Take());
        Tell("before, mall", mall.Take());

        system.MallDelay = TimeSpan.FromSeconds(10);
        await Task.Delay(TimeSpan.FromSeconds(6), Cancel);
        var during = Tell("slow, feed", feed.Take());
        var slow = Tell("slow, mall", mall.Take());
        output.WriteLine($"p99 of the feed while the mall is slow: {during.Percentile(0.99) / before.Percentile(0.99):0.00} × before");
        Assert.True(during.Answers.All(answer => answer.Status == 200), during.ToString());
        // The machine runs other tests too; what a mall without a bulkhead does to the feed is a second and more.
        Assert.True(during.Percentile(0.99) <= TimeSpan.FromMilliseconds(250));
        Assert.Contains(slow.Answers, answer => answer.Reason is "BULKHEAD_FULL" or "CIRCUIT_BREAKER_OPEN");
        Assert.True(slow.Percentile(0.99) <= s_routeTime * 1.5);
    }

    [Fact]
    public async Task Without_the_key_value_store_nothing_fails_and_it_is_used_again_when_it_is_back()
    {
        await using var system = await LiveSystem.StartAsync();
        await using var readers = new SteadyUsers(8, s_pace, turn => system.CallAsync((turn % 3) switch
        {
            0 => $"/v1/feed/posts/{system.Posts[turn % 10]}",
            1 => "/v1/feed/posts?sort=hot",
            _ => "/v1/pages/home",
        }));
        await using var writers = new SteadyUsers(2, s_pace, turn => system.CallAsync($"/v1/feed/posts/{system.Posts[turn % 10]}/like", HttpMethod.Put));
        await Task.Delay(TimeSpan.FromSeconds(2), Cancel);
        Tell("before", readers.Take());
        await system.KillAsync("KvStore");
        await Task.Delay(TimeSpan.FromSeconds(5), Cancel);
        AssertAllGood(Tell("gone, reads", readers.Take()));
        AssertAllGood(Tell("gone, writes", writers.Take()));
        Assert.Contains("feedmall_cache_connected 0", await system.MetricsAsync(), StringComparison.Ordinal);

        await system.StartAsync("KvStore");
        var restarted = Stopwatch.GetTimestamp();
        while (!(await system.MetricsAsync()).Contains("feedmall_cache_connected 1", StringComparison.Ordinal))
        {
            Assert.True(Stopwatch.GetElapsedTime(restarted) < TimeSpan.FromSeconds(5), await system.MetricsAsync());
            await Task.Delay(50, Cancel);
        }
        output.WriteLine($"connected {Stopwatch.GetElapsedTime(restarted).TotalSeconds:0.0} s after it listened");
        await Task.Delay(TimeSpan.FromSeconds(1), Cancel);
        AssertAllGood(Tell("back, reads", readers.Take()));
        AssertAllGood(Tell("back, writes", writers.Take()));
    }

    private static void AssertAllGood(Seen seen)
    {
        Assert.True(seen.Answers.All(answer => answer.Status == 200), seen.ToString());
        Assert.True(seen.Percentile(0.99) <= s_routeTime);
    }

    private Seen Tell(string when, Seen seen)
    {
        output.WriteLine($"{when}: {seen}");
        return seen;
    }
}
