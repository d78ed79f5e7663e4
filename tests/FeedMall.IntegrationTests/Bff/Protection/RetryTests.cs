using System.Collections.Concurrent;
using System.Diagnostics;
using FeedMall.Rpc.Errors;
using Grpc.Core;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>Calls to the domain services that are sent again, as the Bff tells of them.</summary>
public sealed class RetryTests
{
    private const string Post = "/v1/feed/posts/1";
    private const string Retried = "retry; reason=UPSTREAM_ERROR; effect=retried";

    [Fact]
    public async Task A_read_that_fails_for_a_moment_is_sent_again_and_header_metric_and_span_say_so()
    {
        await using var bff = await ProtectedBff.StartAsync();
        var calls = FailFirst(bff);
        var trace = ActivityTraceId.CreateRandom();
        var events = new ConcurrentQueue<ActivityEvent>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "FeedMall.Rpc" or "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = span =>
            {
                if (span.TraceId == trace) foreach (var happened in span.Events) events.Enqueue(happened);
            },
        };
        ActivitySource.AddActivityListener(listener);

        var answer = await bff.GetAsync(Post, ("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01"));
        Assert.Equal((200, Retried, 2), (answer.Status, answer.Decision, calls()));
        Assert.Equal(1, await bff.DecisionsAsync("retry", "GetPost", "UPSTREAM_ERROR", "retried"));
        Assert.Contains(events, happened => happened.Name == "retry" && happened.Tags.Contains(new KeyValuePair<string, object?>("reason", "UPSTREAM_ERROR")));
        // What needs no second attempt says nothing.
        Assert.Null((await bff.GetAsync(Post)).Decision);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task What_may_not_be_done_twice_is_sent_once()
    {
        await using var bff = await ProtectedBff.StartAsync();
        var calls = 0;
        bff.Register = (_, _) =>
        {
            Interlocked.Increment(ref calls);
            throw Broken();
        };
        var answer = await bff.RegisterAsync();
        Assert.Equal((503, "UPSTREAM_ERROR", null, 1), (answer.Status, answer.Reason, answer.Decision, calls));
    }

    [Fact]
    public async Task Retries_are_a_tenth_of_the_calls_however_many_fail()
    {
        const int requests = 300;
        await using var bff = await ProtectedBff.StartAsync("--Protection:Dependencies:Breaker=false");
        var calls = 0;
        bff.GetPost = (_, _) =>
        {
            Interlocked.Increment(ref calls);
            throw Broken();
        };
        var startedAt = Stopwatch.GetTimestamp();
        for (var i = 0; i < requests; i++) Assert.Equal("UPSTREAM_ERROR", (await bff.GetAsync(Post)).Reason);
        var seconds = Stopwatch.GetElapsedTime(startedAt).TotalSeconds;
        // Beyond the tenth: one per second, for the time that it took and the window before it.
        Assert.InRange(calls - requests, 1, requests / 10 + 10 + seconds);
        Assert.Equal(calls - requests, await bff.DecisionsAsync("retry", "GetPost", "UPSTREAM_ERROR", "retried"));
        Assert.True(await bff.DecisionsAsync("retry", "GetPost", "UPSTREAM_ERROR", "given_up") >= requests / 2);
        Assert.Equal("retry; reason=UPSTREAM_ERROR; effect=given_up", (await bff.GetAsync(Post)).Decision);
        bff.Logs.AssertNoErrors();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_waits_for_an_answer_that_took_two_attempts_is_told_and_who_gets_it_from_the_cache_is_not(bool failsForGood)
    {
        await using var bff = await ProtectedBff.StartAsync("--Protection:Cache:Enabled=true");
        FailFirst(bff);
        if (failsForGood) bff.GetPost = (_, _) => throw Broken();
        var made = await bff.GetAsync(Post);
        Assert.Equal(failsForGood ? 503 : 200, made.Status);
        Assert.StartsWith(Retried, made.Decision, StringComparison.Ordinal);
        if (failsForGood) return;
        var kept = await bff.GetAsync(Post);
        Assert.StartsWith("FeedMall; hit", kept.Headers["Cache-Status"], StringComparison.Ordinal);
        Assert.Null(kept.Decision);
    }

    private static ServiceException Broken() => new(StatusCode.Unavailable, Reasons.UpstreamError, "broken");

    private static Func<int> FailFirst(ProtectedBff bff)
    {
        var calls = 0;
        bff.GetPost = (request, _) => Interlocked.Increment(ref calls) == 1 ? throw Broken() : Task.FromResult(ProtectedBff.Post(request.Id));
        return () => Volatile.Read(ref calls);
    }
}
