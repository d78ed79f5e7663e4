using FeedMall.Rpc.Errors;
using Grpc.Core;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>Several instances of a domain service behind the Bff: who gets the calls, by speed, by colour, and when the usual ones fail.</summary>
public sealed class InstanceTests
{
    private const string Post = "/v1/feed/posts/1";

    [Fact]
    public async Task An_instance_that_is_slow_gets_few_of_the_calls_and_the_governor_shows_why()
    {
        await using var first = await ScriptedFeed.StartAsync();
        await using var second = await ScriptedFeed.StartAsync();
        await using var slow = await ScriptedFeed.StartAsync();
        slow.GetPost = async (request, context) =>
        {
            await Task.Delay(500, context.CancellationToken);
            return ProtectedBff.Post(request.Id);
        };
        await using var bff = await ProtectedBff.StartAsync($"--Bff:FeedAddresses={first.Address},{second.Address},{slow.Address}");
        await Parallel.ForAsync(0, 600, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = ProtectedBff.Cancel },
            async (_, _) => Assert.Equal(200, (await bff.GetAsync(Post)).Status));

        Assert.Equal(600, first.Calls + second.Calls + slow.Calls);
        // A third would be its share; all are asked now and then.
        Assert.InRange(slow.Calls, 1, 60);
        Assert.True(Math.Min(first.Calls, second.Calls) > 3 * slow.Calls, $"{first.Calls}, {second.Calls} and {slow.Calls} calls");
        var endpoints = (await bff.ProtectionAsync())["endpoints"]!.AsArray().Single(target => target!["endpoints"]!.AsArray().Count == 3)!["endpoints"]!.AsArray();
        var seen = endpoints.Single(endpoint => new Uri((string)endpoint!["address"]!) == slow.Address)!;
        Assert.Equal(("Ready", 0, slow.Calls), ((string?)seen["state"], (int)seen["inFlight"]!, (int)seen["picks"]!));
        Assert.True(TimeSpan.Parse((string)seen["lag"]!, System.Globalization.CultureInfo.InvariantCulture) > TimeSpan.FromMilliseconds(450));
        Assert.All(endpoints, endpoint => Assert.InRange((double)endpoint!["success"]!, 0.99, 1));
        Assert.True(endpoints.Max(endpoint => (double)endpoint!["score"]!) > (double)seen["score"]!);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_request_of_a_colour_goes_to_instances_of_that_colour_and_all_others_to_those_without()
    {
        await using var plain = await ScriptedFeed.StartAsync();
        await using var canary = await ScriptedFeed.StartAsync();
        await using var bff = await ProtectedBff.StartAsync($"--Bff:FeedAddresses={plain.Address},{new Uri(canary.Address, "#canary")}");
        for (var i = 0; i < 20; i++) await bff.GetAsync(Post);
        Assert.Equal((20, 0), (plain.Calls, canary.Calls));
        for (var i = 0; i < 20; i++) await bff.GetAsync(Post, ("x1-mio-color", "canary"));
        Assert.Equal((20, 20), (plain.Calls, canary.Calls));
        // Nobody has this one: those without a colour do.
        await bff.GetAsync(Post, ("x1-mio-color", "blue"));
        Assert.Equal((21, 20), (plain.Calls, canary.Calls));

        await canary.DisposeAsync();
        for (var i = 0; i < 5; i++) Assert.Equal(200, (await bff.GetAsync(Post, ("x1-mio-color", "canary"))).Status);
        Assert.Equal(26, plain.Calls);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task While_the_breaker_drops_calls_those_who_stand_by_take_them_and_then_no_more()
    {
        await using var usual = await ScriptedFeed.StartAsync();
        await using var standby = await ScriptedFeed.StartAsync();
        var dropped = 0;
        await using var bff = await ProtectedBff.StartAsync(
            $"--Bff:FeedAddresses={usual.Address}", $"--Bff:FeedGutterAddresses={standby.Address}", "--Protection:Dependencies:BreakerWindow=00:00:01");
        for (var i = 0; i < 20; i++) Assert.Equal((200, null), await AskAsync(bff));
        Assert.Equal((20, 0), (usual.Calls, standby.Calls));

        usual.GetPost = (_, _) => throw new ServiceException(StatusCode.Unavailable, Reasons.UpstreamError, "broken");
        for (var i = 0; i < 200; i++)
        {
            var (status, decision) = await AskAsync(bff);
            Assert.Equal(200, status);
            // Not called at all, or called in vain: it is read, so it may be asked for twice.
            Assert.Matches("^breaker; reason=(UPSTREAM_ERROR|CIRCUIT_BREAKER_OPEN); effect=diverted$", decision);
            if (decision!.Contains("CIRCUIT_BREAKER_OPEN", StringComparison.Ordinal)) dropped++;
        }
        Assert.True(dropped > 100, $"{dropped}");
        Assert.Equal(200, standby.Calls);
        Assert.InRange(usual.Calls, 21, 120);
        Assert.Equal(dropped, await bff.DecisionsAsync("breaker", "GetPost", "CIRCUIT_BREAKER_OPEN", "diverted"));
        var gutter = (await bff.ProtectionAsync())["mechanisms"]!["dependencies"]!["gutters"]!["feed"]!["pairs"]!["/feedmall.feed.v1.Posts/GetPost"]!;
        Assert.Equal(200, (int)gutter["standby"]!);

        usual.GetPost = (request, _) => Task.FromResult(ProtectedBff.Post(request.Id));
        for (var inRow = 0; inRow < 100;) inRow = (await AskAsync(bff)).Decision is null ? inRow + 1 : 0;
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Those_who_stand_by_take_no_more_than_they_can_bear()
    {
        await using var usual = await ScriptedFeed.StartAsync();
        await using var standby = await ScriptedFeed.StartAsync();
        await using var bff = await ProtectedBff.StartAsync(
            $"--Bff:FeedAddresses={usual.Address}", $"--Bff:FeedGutterAddresses={standby.Address}", "--Protection:Dependencies:GutterPlaces=1", "--Protection:Dependencies:RetryAttempts=1");
        usual.GetPost = (_, _) => throw new ServiceException(StatusCode.Unavailable, Reasons.UpstreamError, "broken");
        var (begun, go) = (new SemaphoreSlim(0), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        standby.GetPost = async (request, context) =>
        {
            begun.Release();
            await go.Task.WaitAsync(context.CancellationToken);
            return ProtectedBff.Post(request.Id);
        };
        var held = bff.GetAsync(Post);
        if (await Task.WhenAny(held, begun.WaitAsync(ProtectedBff.Cancel)) == held) Assert.Fail($"not held, but {await held}");
        Assert.Equal((503, "UPSTREAM_ERROR"), ((await bff.GetAsync(Post)).Status, (await bff.GetAsync(Post)).Reason));
        go.SetResult();
        Assert.Equal(200, (await held).Status);
        Assert.Equal(1, standby.Calls);
    }

    private static async Task<(int Status, string? Decision)> AskAsync(ProtectedBff bff)
    {
        var answer = await bff.GetAsync(Post);
        return (answer.Status, answer.Decision);
    }
}
