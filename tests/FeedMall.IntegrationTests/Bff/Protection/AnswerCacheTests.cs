using System.Diagnostics;
using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using FeedMall.Rpc.Errors;
using FeedMall.Testing;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.Extensions.DependencyInjection;
using Grpc.Core;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>Output caching: what is kept, what is not, and that many who ask at once are one request behind.</summary>
public sealed class AnswerCacheTests
{
    private const string Post = "/v1/feed/posts/1";
    private const int Crowd = 500;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task An_answer_is_made_once_and_then_given_from_the_cache()
    {
        await using var bff = await StartAsync();
        var calls = bff.CountPosts();
        var made = await bff.GetAsync(Post);
        var kept = await bff.GetAsync(Post + "?nonsense=1");
        Assert.Equal((200, 200, 1), (made.Status, kept.Status, calls()));
        Assert.Equal("FeedMall; fwd=miss", made.Headers["Cache-Status"]);
        Assert.Matches("^FeedMall; hit; ttl=(2[0-9]|3[0-3])$", kept.Headers["Cache-Status"]);
        Assert.Equal(made.Headers["ETag"], kept.Headers["ETag"]);
        Assert.Equal((null, null), (made.Decision, kept.Decision));
        Assert.Contains("Age", kept.Headers.Keys);
        // Another post is another answer.
        await bff.GetAsync("/v1/feed/posts/2");
        Assert.Equal(2, calls());
        // The same for everybody, so what everybody is allowed is still counted.
        Assert.Equal(1, (long)(await bff.ProtectionAsync())["mechanisms"]!["cache"]!["hits"]!);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task The_cache_works_at_the_ends_of_its_settings_ranges()
    {
        await using var bff = await StartAsync("--Protection:Cache:HotTime=00:00:03", "--Protection:Cache:LocalBytes=1048576", "--Protection:Cache:StaleIfError=1.00:00:00", "--Protection:Cache:StaleWhileRevalidate=01:00:00");
        Assert.Equal((200, 200), ((await bff.GetAsync(Post)).Status, (await bff.GetAsync(Post)).Status));
        Assert.Equal(400, (int)(await bff.ChangeAsync("""{"Cache":{"HotTime":"00:00:03.001"}}""", bff.Key)).Status);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Who_has_the_version_gets_304_from_the_cache_and_when_it_is_made()
    {
        await using var bff = await StartAsync();
        var calls = bff.CountPosts();
        var tag = (await bff.GetAsync(Post)).Headers["ETag"];
        Assert.Equal(304, await StatusAsync(bff, Post, ("If-None-Match", tag)));
        Assert.Equal(1, calls());
        Assert.Equal(304, await StatusAsync(bff, "/v1/feed/posts/2", ("If-None-Match", "*")));
    }

    [Fact]
    public async Task Hundreds_who_ask_for_the_same_at_once_are_one_call_behind()
    {
        await using var bff = await StartAsync();
        var (begun, go, calls) = Hold(bff);
        var crowd = Enumerable.Range(0, Crowd).Select(_ => bff.GetAsync(Post)).ToArray();
        await begun.WaitAsync(ProtectedBff.Cancel);
        await UntilJoinedAsync(bff, Crowd - 1);
        go.SetResult();
        Assert.All(await Task.WhenAll(crowd), answer => Assert.Equal(200, answer.Status));
        Assert.Equal(1, calls());
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task The_first_of_them_may_leave_and_the_others_still_get_their_answer_of_the_same_call()
    {
        await using var bff = await StartAsync();
        var (begun, go, calls) = Hold(bff);
        using var leave = new CancellationTokenSource();
        var first = bff.Http.GetAsync(Post, leave.Token);
        await begun.WaitAsync(ProtectedBff.Cancel);
        var others = Enumerable.Range(0, 20).Select(_ => bff.GetAsync(Post)).ToArray();
        await UntilJoinedAsync(bff, 20);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        go.SetResult();
        Assert.All(await Task.WhenAll(others), answer => Assert.Equal(200, answer.Status));
        Assert.Equal(1, calls());
        Assert.Equal(200, (await bff.GetAsync(Post)).Status);
        Assert.Equal(1, calls());
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Who_asks_after_a_write_does_not_join_who_asked_before_it()
    {
        await using var bff = await StartAsync();
        var user = await bff.LogInAsync(5);
        var (begun, go, _) = Hold(bff);
        var before = bff.GetAsync(Post);
        await begun.WaitAsync(ProtectedBff.Cancel);
        Assert.Equal(200, await bff.StatusAsync(HttpMethod.Put, $"{Post}/like", user));
        var calls = bff.CountPosts();
        Assert.Equal((200, 1), ((await bff.GetAsync(Post)).Status, calls()));
        go.SetResult();
        Assert.Equal(200, (await before).Status);
        // What was asked for before is not kept either.
        Assert.StartsWith("FeedMall; hit", (await bff.GetAsync(Post)).Headers["Cache-Status"], StringComparison.Ordinal);
        Assert.Equal(1, calls());
    }

    [Fact]
    public async Task Who_matters_more_than_who_asked_first_is_not_turned_away_with_him()
    {
        await using var bff = await StartAsync("--Protection:Admission:Ceiling=1", "--Protection:Admission:QueueTarget=00:00:01", "--Protection:Admission:QueueInterval=00:00:01");
        var (begun, go) = (Signal(), Signal());
        bff.GetProduct = async (request, context) =>
        {
            begun.TrySetResult();
            await go.Task.WaitAsync(context.CancellationToken);
            return new GetProductResponse { Product = new Product { Id = request.Id } };
        };
        var holder = bff.GetAsync("/v1/mall/products/1");
        await begun.Task.WaitAsync(ProtectedBff.Cancel);
        var first = bff.GetAsync(Post, ("x1-mio-criticality", "sheddable"));
        await UntilBegunAsync(bff, 2);
        var second = bff.GetAsync(Post);
        await UntilJoinedAsync(bff, 1);
        Assert.Equal((503, "QUEUE_TIMEOUT"), ((await first).Status, (await first).Reason));
        go.SetResult();
        Assert.Equal(200, (await second).Status);
        Assert.Equal(200, (await holder).Status);
    }

    [Fact]
    public async Task Nor_is_he_when_it_was_on_the_way_to_the_service()
    {
        await using var bff = await StartAsync("--Protection:Dependencies:Limit:Initial=1", "--Protection:Dependencies:Limit:Min=1", "--Protection:Dependencies:Limit:Max=1",
            "--Protection:Dependencies:Limit:QueueTarget=00:00:01", "--Protection:Dependencies:Limit:QueueInterval=00:00:01", "--Protection:Dependencies:CallTimeout=00:00:10");
        var (begun, go) = (Signal(), Signal());
        bff.GetPost = async (request, context) =>
        {
            begun.TrySetResult();
            await go.Task.WaitAsync(context.CancellationToken);
            return ProtectedBff.Post(request.Id);
        };
        var holder = bff.GetAsync("/v1/feed/posts/77");
        await begun.Task.WaitAsync(ProtectedBff.Cancel);
        var first = bff.GetAsync(Post, ("x1-mio-criticality", "sheddable"));
        await UntilBegunAsync(bff, 2);
        var second = bff.GetAsync(Post);
        await UntilJoinedAsync(bff, 1);
        Assert.Equal((503, "QUEUE_TIMEOUT", "call_limit; reason=QUEUE_TIMEOUT; effect=refused"), ((await first).Status, (await first).Reason, (await first).Decision));
        go.SetResult();
        Assert.Equal((200, null), ((await second).Status, (await second).Decision));
        Assert.Equal(200, (await holder).Status);
    }

    [Fact]
    public async Task What_a_caller_wants_of_caches_is_not_meant_for_this_one()
    {
        await using var bff = await StartAsync();
        var made = await bff.GetAsync(Post, ("Cache-Control", "only-if-cached"));
        Assert.Equal((200, null, "FeedMall; fwd=miss"), (made.Status, made.Decision, made.Headers["Cache-Status"]));
        Assert.StartsWith("FeedMall; hit", (await bff.GetAsync(Post, ("Cache-Control", "no-cache"))).Headers["Cache-Status"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Caches_on_the_way_are_told_which_answers_are_one_users_own()
    {
        await using var bff = await StartAsync();
        var user = await bff.LogInAsync(5);
        // Made, and from the cache.
        for (var i = 0; i < 2; i++) Assert.Equal("Authorization", (await bff.GetAsync("/v1/mall/collections/1", user)).Headers["Vary"]);
        Assert.DoesNotContain("Vary", (await bff.GetAsync(Post, user)).Headers.Keys);
    }

    [Fact]
    public async Task When_all_have_left_the_call_is_cancelled_and_nothing_is_kept()
    {
        await using var bff = await StartAsync();
        var (begun, cancelled) = (Signal(), Signal());
        bff.GetPost = async (_, context) =>
        {
            begun.TrySetResult();
            using var on = context.CancellationToken.Register(() => cancelled.TrySetResult());
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new GetPostResponse();
        };
        using var leave = new CancellationTokenSource();
        var only = bff.Http.GetAsync(Post, leave.Token);
        await begun.Task.WaitAsync(ProtectedBff.Cancel);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => only);
        await cancelled.Task.WaitAsync(ProtectedBff.Cancel);
        var calls = bff.CountPosts();
        Assert.Equal((200, 1), ((await bff.GetAsync(Post)).Status, calls()));
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_failure_goes_to_all_who_wait_and_is_not_kept()
    {
        await using var bff = await StartAsync();
        bff.GetPost = (_, _) => throw new ServiceException(StatusCode.NotFound, "FEED_POST_NOT_FOUND", "There is no such post.");
        Assert.Equal((404, "FEED_POST_NOT_FOUND"), ((await bff.GetAsync(Post)).Status, (await bff.GetAsync(Post)).Reason));
        var calls = bff.CountPosts();
        Assert.Equal((200, 1), ((await bff.GetAsync(Post)).Status, calls()));
    }

    [Fact]
    public async Task A_stale_answer_is_given_while_a_new_one_is_made()
    {
        await using var bff = await StartAsync("--Protection:Routes:GetPost:CacheTime=00:00:00.100", "--Protection:Cache:HotTime=00:00:00.010");
        await bff.GetAsync(Post);
        var (begun, go, made) = Hold(bff);
        // Whoever comes is answered at once, although the new one is not made yet.
        ProtectedBff.Answer answer;
        do answer = await bff.GetAsync(Post);
        while (!answer.Headers["Cache-Status"].StartsWith("FeedMall; hit; ttl=-", StringComparison.Ordinal));
        Assert.Equal((200, "cache; reason=REVALIDATING; effect=stale"), (answer.Status, answer.Decision));
        Assert.True(await bff.DecisionsAsync("cache", "GetPost", "REVALIDATING", "stale") >= 1);
        await begun.WaitAsync(s_patience, ProtectedBff.Cancel);
        for (var i = 0; i < 10; i++) Assert.Equal(200, (await bff.GetAsync(Post)).Status);
        Assert.Equal(1, made());
        go.SetResult();
    }

    [Theory]
    [InlineData(StatusCode.Unavailable, "UPSTREAM_ERROR")]
    [InlineData(StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED")]
    public async Task When_no_new_answer_can_be_made_the_last_good_one_is_given_and_says_so(StatusCode code, string reason)
    {
        await using var bff = await StartAsync(
            "--Protection:Routes:GetPost:CacheTime=00:00:00.100", "--Protection:Cache:StaleWhileRevalidate=00:00:00", "--Protection:Cache:HotTime=00:00:00.010");
        var good = await bff.GetAsync(Post);
        bff.GetPost = (_, _) => throw new RpcException(new Status(code, "broken"));
        ProtectedBff.Answer answer;
        do answer = await bff.GetAsync(Post);
        while (!answer.Headers.ContainsKey("X-FeedMall-Degraded"));
        Assert.Equal((200, $"GetPost; reason={reason}", $"degrade; reason={reason}; effect=stale"), (answer.Status, answer.Degraded, answer.Degrading));
        Assert.Equal(good.Headers["ETag"], answer.Headers["ETag"]);
        Assert.Contains("Age", answer.Headers.Keys);
        Assert.StartsWith("FeedMall; hit; ttl=-", answer.Headers["Cache-Status"], StringComparison.Ordinal);
        Assert.True(await bff.DecisionsAsync("degrade", "GetPost", reason, "stale") >= 1);
        // One that was never asked for has no copy.
        Assert.NotEqual(200, (await bff.GetAsync("/v1/feed/posts/2")).Status);
        // That there is no such post any more is an answer.
        bff.GetPost = (_, _) => throw new ServiceException(StatusCode.NotFound, "FEED_POST_NOT_FOUND", "There is no such post.");
        // For a moment after the failure the copy is given without asking again.
        do answer = await bff.GetAsync(Post);
        while (answer.Degraded is not null);
        Assert.Equal(404, answer.Status);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_write_is_seen_by_who_reads_after_it()
    {
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        var story = new Story(host.Http);
        await story.WalkAsync(ProtectedBff.Cancel);
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Two_copies_that_share_a_store_share_their_answers_and_their_evictions()
    {
        await using var store = await CacheServer.StartAsync(CacheServer.KvStore);
        string[] settings = ["--Bff:Cache:Enabled=true", $"--Bff:Cache:Addresses=127.0.0.1:{store.Port}", "--Bff:Cache:OperationTimeout=00:00:05", "--Protection:Cache:HotTime=00:00:00.010"];
        await using var one = await StartAsync(settings);
        await using var two = await StartAsync(settings);
        await one.UntilConnectedAsync();
        await two.UntilConnectedAsync();
        var (ofOne, ofTwo) = (one.CountPosts(), two.CountPosts());
        await one.GetAsync(Post);
        Assert.StartsWith("FeedMall; hit", (await two.GetAsync(Post)).Headers["Cache-Status"], StringComparison.Ordinal);
        Assert.Equal((1, 0), (ofOne(), ofTwo()));
        await one.Services.GetRequiredService<IOutputCacheStore>().EvictByTagAsync("post:1", ProtectedBff.Cancel);
        Assert.Equal("FeedMall; fwd=miss", (await one.GetAsync(Post)).Headers["Cache-Status"]);
        Assert.Equal(2, ofOne());
        // What one has made the other finds, now that the copy that it kept for a moment is not fresh any more.
        await two.GetAsync(Post);
        Assert.Equal(0, ofTwo());
    }

    [Fact]
    public async Task Two_copies_that_lack_the_same_answer_at_once_make_it_once()
    {
        await using var store = await CacheServer.StartAsync(CacheServer.Redis);
        string[] settings = ["--Bff:Cache:Enabled=true", $"--Bff:Cache:Addresses=127.0.0.1:{store.Port}", "--Bff:Cache:OperationTimeout=00:00:05"];
        await using var one = await StartAsync(settings);
        await using var two = await StartAsync(settings);
        await one.UntilConnectedAsync();
        await two.UntilConnectedAsync();
        var (ofOne, ofTwo) = (one.CountPosts(), two.CountPosts());
        for (var (post, inTime) = (1, 0); inTime < 20; post++)
        {
            Assert.InRange(post, 1, 500);
            var (path, before, startedAt) = ($"/v1/feed/posts/{post}", ofOne() + ofTwo(), Stopwatch.GetTimestamp());
            var crowd = Enumerable.Range(0, 20).Select(i => (i % 2 == 0 ? one : two).GetAsync(path)).ToArray();
            Assert.All(await Task.WhenAll(crowd), answer => Assert.Equal(200, answer.Status));
            // Who waits 300 ms for the other's turn makes the answer himself: on a busy machine both may, rightly.
            var isInTime = Stopwatch.GetElapsedTime(startedAt) < TimeSpan.FromMilliseconds(300);
            Assert.InRange(ofOne() + ofTwo() - before, 1, isInTime ? 1 : 2);
            if (isInTime) inTime++;
        }
    }

    [Fact]
    public async Task Without_the_store_a_copy_goes_on_alone()
    {
        await using var bff = await StartAsync("--Bff:Cache:Enabled=true", "--Bff:Cache:Addresses=127.0.0.1:1");
        var calls = bff.CountPosts();
        for (var i = 0; i < 5; i++) Assert.Equal(200, (await bff.GetAsync(Post)).Status);
        Assert.Equal(1, calls());
        bff.Logs.AssertNoErrors();
    }

    private static Task<ProtectedBff> StartAsync(params string[] settings) => ProtectedBff.StartAsync(["--Protection:Cache:Enabled=true", .. settings]);

    // Lets calls wait until the test lets them go.
    private static (Task Begun, TaskCompletionSource Go, Func<int> Calls) Hold(ProtectedBff bff)
    {
        var (calls, begun, go) = (0, Signal(), Signal());
        bff.GetPost = async (request, context) =>
        {
            Interlocked.Increment(ref calls);
            begun.TrySetResult();
            await go.Task.WaitAsync(context.CancellationToken);
            return ProtectedBff.Post(request.Id);
        };
        return (begun.Task, go, () => Volatile.Read(ref calls));
    }

    private static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static Task UntilJoinedAsync(ProtectedBff bff, int callers) => UntilAsync(bff, "joined", callers);

    private static Task UntilBegunAsync(ProtectedBff bff, int flights) => UntilAsync(bff, "begun", flights);

    private static async Task UntilAsync(ProtectedBff bff, string count, int atLeast)
    {
        using var patience = new CancellationTokenSource(s_patience);
        while (true)
        {
            var flights = (await bff.ProtectionAsync())["mechanisms"]!["flights"]!;
            if ((long)flights[count]! >= atLeast) return;
            Assert.False(patience.IsCancellationRequested, flights.ToJsonString());
        }
    }

    private static async Task<int> StatusAsync(ProtectedBff bff, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await bff.Http.SendAsync(request, ProtectedBff.Cancel);
        return (int)response.StatusCode;
    }
}
