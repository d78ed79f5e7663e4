using System.Diagnostics;
using FeedMall.Proto.Mall.V1;
using FeedMall.Rpc.Errors;
using Grpc.Core;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>Breakers and bulkheads in front of the domain services.</summary>
public sealed class DependencyTests
{
    // What the breaker saw a second ago it forgets by time, not by requests, of which a fast machine sends thousands meanwhile.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_method_that_fails_is_left_in_peace_others_are_called_and_it_comes_back_when_it_is_well()
    {
        await using var bff = await ProtectedBff.StartAsync("--Protection:Dependencies:BreakerWindow=00:00:01");
        var calls = 0;
        bff.GetPost = (_, _) =>
        {
            Interlocked.Increment(ref calls);
            throw new ServiceException(StatusCode.Unavailable, Reasons.UpstreamError, "broken");
        };
        var dropped = await FirstAsync(bff, answer => answer.Reason == "CIRCUIT_BREAKER_OPEN");
        Assert.Equal(503, dropped.Status);
        // It may have been tried once before.
        Assert.EndsWith("breaker; reason=CIRCUIT_BREAKER_OPEN; effect=refused", dropped.Decision, StringComparison.Ordinal);
        Assert.True(await bff.DecisionsAsync("breaker", "GetPost", "CIRCUIT_BREAKER_OPEN", "refused") >= 1);
        var (before, refused) = (Volatile.Read(ref calls), 0);
        for (var i = 0; i < 50; i++) refused += (await bff.GetAsync("/v1/feed/posts/1")).Reason == "CIRCUIT_BREAKER_OPEN" ? 1 : 0;
        // Almost all are refused here and not seen there. One that passes may be refused at its second attempt.
        Assert.InRange(refused, 25, 50);
        Assert.InRange(Volatile.Read(ref calls) - before, 0, 25);
        Assert.Equal(200, (await bff.GetAsync("/v1/mall/products/1")).Status);
        var state = (await bff.ProtectionAsync())["mechanisms"]!["dependencies"]!["breakers"]!["/feedmall.feed.v1.Posts/GetPost"]!["breaker"]!["state"];
        Assert.Equal("Throttling", (string?)state);

        bff.GetPost = (request, _) => Task.FromResult(ProtectedBff.Post(request.Id));
        var inRow = 0;
        await FirstAsync(bff, answer => (inRow = answer.Status == 200 ? inRow + 1 : 0) == 100);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task In_dry_run_the_breaker_drops_nothing()
    {
        await using var bff = await ProtectedBff.StartAsync("--Protection:Dependencies:BreakerDryRun=true");
        bff.GetPost = (_, _) => throw new ServiceException(StatusCode.Unavailable, Reasons.UpstreamError, "broken");
        var told = 0;
        for (var i = 0; i < 60; i++)
        {
            var answer = await bff.GetAsync("/v1/feed/posts/1");
            Assert.Equal("UPSTREAM_ERROR", answer.Reason);
            if (answer.Decision?.Contains("breaker; reason=CIRCUIT_BREAKER_OPEN; effect=dry_run", StringComparison.Ordinal) == true) told++;
        }
        var counts = (await bff.ProtectionAsync())["mechanisms"]!["dependencies"]!["breakers"]!["/feedmall.feed.v1.Posts/GetPost"]!["counts"]!;
        Assert.True((long)counts["wouldHaveRefused"]! > 0);
        Assert.True(told > 0);
        Assert.Equal((long)counts["wouldHaveRefused"]!, await bff.DecisionsAsync("breaker", "GetPost", "CIRCUIT_BREAKER_OPEN", "dry_run"));
    }

    [Fact]
    public async Task A_slow_mall_takes_only_its_own_places()
    {
        await using var bff = await ProtectedBff.StartAsync("--Protection:Dependencies:BulkheadPlaces=2");
        var begun = new SemaphoreSlim(0);
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bff.GetProduct = async (request, context) =>
        {
            begun.Release();
            await released.Task.WaitAsync(context.CancellationToken);
            return new GetProductResponse { Product = new Product { Id = request.Id } };
        };
        var slow = new[] { bff.GetAsync("/v1/mall/products/1"), bff.GetAsync("/v1/mall/products/2") };
        for (var i = 0; i < slow.Length; i++) await begun.WaitAsync(ProtectedBff.Cancel);

        var refused = await bff.GetAsync("/v1/mall/products/3");
        Assert.Equal((503, "BULKHEAD_FULL", "bulkhead; reason=BULKHEAD_FULL; effect=refused"), (refused.Status, refused.Reason, refused.Decision));
        Assert.Equal(1, await bff.DecisionsAsync("bulkhead", "GetProduct", "BULKHEAD_FULL", "refused"));
        Assert.Equal(200, (await bff.GetAsync("/v1/feed/posts/1")).Status);
        released.SetResult();
        Assert.Equal([200, 200], (await Task.WhenAll(slow)).Select(answer => answer.Status));
        Assert.Equal(200, (await bff.GetAsync("/v1/mall/products/3")).Status);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task In_dry_run_the_bulkhead_lets_pass_and_counts()
    {
        await using var bff = await ProtectedBff.StartAsync("--Protection:Dependencies:BulkheadPlaces=1", "--Protection:Dependencies:BulkheadDryRun=true");
        var (begun, released) = (new SemaphoreSlim(0), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        bff.GetProduct = async (request, context) =>
        {
            begun.Release();
            await released.Task.WaitAsync(context.CancellationToken);
            return new GetProductResponse { Product = new Product { Id = request.Id } };
        };
        var first = bff.GetAsync("/v1/mall/products/1");
        await begun.WaitAsync(ProtectedBff.Cancel);
        var second = bff.GetAsync("/v1/mall/products/2");
        await begun.WaitAsync(ProtectedBff.Cancel);
        released.SetResult();
        Assert.Equal((200, null), ((await first).Status, (await first).Decision));
        Assert.Equal((200, "bulkhead; reason=BULKHEAD_FULL; effect=dry_run"), ((await second).Status, (await second).Decision));
        Assert.Equal(1, await bff.DecisionsAsync("bulkhead", "GetProduct", "BULKHEAD_FULL", "dry_run"));
    }

    private static async Task<ProtectedBff.Answer> FirstAsync(ProtectedBff bff, Predicate<ProtectedBff.Answer> wanted)
    {
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < s_patience;)
        {
            var answer = await bff.GetAsync("/v1/feed/posts/1");
            if (wanted(answer)) return answer;
        }
        throw new Xunit.Sdk.XunitException($"not within {s_patience}");
    }
}
