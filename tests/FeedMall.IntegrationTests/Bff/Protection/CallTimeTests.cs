using System.Diagnostics;
using FeedMall.Bff.Protection;
using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using Grpc.Core;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>How long calls to the domain services may take: as long as their method may, and never longer than the request.</summary>
public sealed class CallTimeTests
{
    private const string Post = "/v1/feed/posts/1";

    [Fact]
    public void No_call_and_no_request_has_more_than_a_second_unless_it_is_set()
    {
        var (edge, calls) = (new FeedMall.Bff.BffOptions(), new DependencySettings());
        Assert.Equal(
            (1000, 1000, 100, 500),
            (edge.RequestTimeout.TotalMilliseconds, edge.AuthTimeout.TotalMilliseconds, calls.CallTimeout.TotalMilliseconds, calls.WriteTimeout.TotalMilliseconds));
    }

    [Fact]
    public async Task A_call_that_takes_longer_than_its_method_may_ends_although_the_request_has_time_left()
    {
        await using var bff = await ProtectedBff.StartAsync("--Protection:Dependencies:CallTimeout=00:00:01");
        var (told, cancelled) = (Signal<TimeSpan>(), Signal<bool>());
        bff.GetPost = async (_, context) =>
        {
            told.TrySetResult(context.Deadline - DateTime.UtcNow);
            using var end = context.CancellationToken.Register(() => cancelled.TrySetResult(true));
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new GetPostResponse();
        };
        var startedAt = Stopwatch.GetTimestamp();
        var answer = await bff.GetAsync(Post);
        var took = Stopwatch.GetElapsedTime(startedAt);
        Assert.Equal((504, "DEADLINE_EXCEEDED", "deadline; reason=DEADLINE_EXCEEDED; effect=refused"), (answer.Status, answer.Reason, answer.Decision));
        Assert.Equal(1, await bff.DecisionsAsync("deadline", "GetPost", "DEADLINE_EXCEEDED", "refused"));
        // The request has 10 s.
        Assert.InRange(took.TotalSeconds, 0.99, 9);
        Assert.InRange((await told.Task.WaitAsync(ProtectedBff.Cancel)).TotalSeconds, 0.001, 1);
        Assert.True(await cancelled.Task.WaitAsync(ProtectedBff.Cancel));
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Reads_writes_and_single_methods_have_times_of_their_own_that_can_be_changed_while_the_service_runs()
    {
        await using var bff = await ProtectedBff.StartAsync(
            "--Protection:Dependencies:CallTimeout=00:00:03", "--Protection:Dependencies:WriteTimeout=00:00:06",
            "--Protection:Dependencies:Methods:feedmall.mall.v1.Products/GetProduct:Timeout=00:00:09");
        var told = TimeSpan.Zero;
        bff.GetPost = (request, context) => Told(context, ProtectedBff.Post(request.Id));
        bff.Register = (_, context) => Told(context, new RegisterResponse { User = new User { Id = 7 } });
        bff.GetProduct = (request, context) => Told(context, new GetProductResponse { Product = new Product { Id = request.Id } });
        Task<T> Told<T>(ServerCallContext context, T answer)
        {
            told = context.Deadline - DateTime.UtcNow;
            return Task.FromResult(answer);
        }
        async Task<double> AskAsync(Task<ProtectedBff.Answer> request)
        {
            await request;
            return told.TotalSeconds;
        }
        Assert.InRange(await AskAsync(bff.GetAsync(Post)), 0, 3);
        Assert.InRange(await AskAsync(bff.RegisterAsync()), 3, 6);
        Assert.InRange(await AskAsync(bff.GetAsync("/v1/mall/products/1")), 6, 9);
        // Less, when the request has less.
        Assert.InRange(await AskAsync(bff.GetAsync(Post, ("x1-mio-timeout", "2500"))), 0, 2.5);
        await bff.ChangeAsync("""{"Dependencies":{"CallTimeout":"00:00:06"}}""", bff.Key);
        Assert.InRange(await AskAsync(bff.GetAsync(Post)), 3, 6);
    }

    [Fact]
    public async Task A_service_that_has_to_warm_up_is_given_the_time_for_it_and_then_no_more()
    {
        await using var feed = await ScriptedFeed.StartAsync();
        // Slower than calls may be: but it is the first ones, and they are waited for.
        feed.GetPost = async (request, context) =>
        {
            if (feed.Calls <= 2) await Task.Delay(300, context.CancellationToken);
            return ProtectedBff.Post(request.Id);
        };
        await using var bff = await ProtectedBff.StartAsync("--Bff:WarmUp=true", $"--Bff:FeedAddresses={feed.Address}", "--Protection:Dependencies:CallTimeout=00:00:00.150");
        while (!(bool)(await bff.ProtectionAsync())["mechanisms"]!["dependencies"]!["warm"]!["feed"]!) await Task.Delay(20, ProtectedBff.Cancel);
        Assert.True(feed.Calls >= 3, $"{feed.Calls} calls");
        // The first ones of each method may be slow too.
        feed.GetPost = async (request, context) =>
        {
            await Task.Delay(200, context.CancellationToken);
            return ProtectedBff.Post(request.Id);
        };
        for (var i = 0; i < 20; i++) Assert.Equal(200, (await bff.GetAsync(Post)).Status);
        feed.GetPost = async (_, context) =>
        {
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new GetPostResponse();
        };
        var startedAt = Stopwatch.GetTimestamp();
        Assert.Equal("DEADLINE_EXCEEDED", (await bff.GetAsync(Post)).Reason);
        // The request has 10 s.
        Assert.InRange(Stopwatch.GetElapsedTime(startedAt).TotalSeconds, 0.1, 9);
    }

    private static TaskCompletionSource<T> Signal<T>() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
