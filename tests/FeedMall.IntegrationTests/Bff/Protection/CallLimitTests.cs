using System.Text.Json.Nodes;
using System.Threading.Channels;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>The limit of calls of each method, and the queue in front of it.</summary>
public sealed class CallLimitTests
{
    private const string Method = "/feedmall.feed.v1.Posts/GetPost";

    // One place, and a queue that lets wait for as long as it takes; calls may take long.
    private static readonly string[] s_narrow =
    [
        "--Protection:Dependencies:Limit:Initial=1", "--Protection:Dependencies:Limit:Min=1", "--Protection:Dependencies:Limit:Max=1", "--Protection:Dependencies:CallTimeout=00:00:10",
        "--Protection:Dependencies:Limit:QueueTarget=00:00:10", "--Protection:Dependencies:Limit:QueueInterval=00:00:10",
    ];

    [Fact]
    public async Task Who_finds_no_place_waits_and_the_important_go_first()
    {
        await using var bff = await ProtectedBff.StartAsync(s_narrow);
        var calls = new HeldCalls(bff);
        var first = bff.GetAsync("/v1/feed/posts/1");
        await calls.BeginsAsync(1);
        var sheddable = bff.GetAsync("/v1/feed/posts/2", ("x1-mio-criticality", "sheddable"));
        await WaitingAsync(bff, 1);
        var important = bff.GetAsync("/v1/feed/posts/3", ("x1-mio-criticality", "critical_plus"));
        await WaitingAsync(bff, 2);
        // Other methods have places of their own.
        Assert.Equal(200, (await bff.GetAsync("/v1/mall/products/1")).Status);

        calls.End();
        await calls.BeginsAsync(3);
        Assert.Equal(200, (await first).Status);
        Assert.False(sheddable.IsCompleted);
        calls.End();
        await calls.BeginsAsync(2);
        calls.End();
        Assert.Equal([200, 200], (await Task.WhenAll(important, sheddable)).Select(answer => answer.Status));
        Assert.Null((await sheddable).Decision);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Who_has_waited_too_long_is_refused_and_told_why()
    {
        await using var bff = await ProtectedBff.StartAsync([.. s_narrow, "--Protection:Dependencies:Limit:QueueTarget=00:00:00.010", "--Protection:Dependencies:Limit:QueueInterval=00:00:00.020"]);
        var calls = new HeldCalls(bff);
        var first = bff.GetAsync("/v1/feed/posts/1");
        await calls.BeginsAsync(1);
        var refused = await bff.GetAsync("/v1/feed/posts/2");
        Assert.Equal((503, "QUEUE_TIMEOUT", "call_limit; reason=QUEUE_TIMEOUT; effect=refused"), (refused.Status, refused.Reason, refused.Decision));
        Assert.InRange(refused.RetryAfter!.Value.TotalSeconds, 1, 3);
        Assert.Equal(1, await bff.DecisionsAsync("call_limit", "GetPost", "QUEUE_TIMEOUT", "refused"));
        // That is no failure of the method: its breaker has not heard of it.
        Assert.Equal(0, (long)(await bff.ProtectionAsync())["mechanisms"]!["dependencies"]!["breakers"]![Method]!["breaker"]!["failures"]!);
        calls.End();
        Assert.Equal(200, (await first).Status);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task The_time_of_a_call_begins_when_it_has_its_place()
    {
        await using var bff = await ProtectedBff.StartAsync([.. s_narrow, "--Protection:Dependencies:Methods:feedmall.feed.v1.Posts/GetPost:Timeout=00:00:03"]);
        var calls = new HeldCalls(bff);
        var first = bff.GetAsync("/v1/feed/posts/1");
        await calls.BeginsAsync(1);
        var second = bff.GetAsync("/v1/feed/posts/2");
        await WaitingAsync(bff, 1);
        await Task.Delay(200, ProtectedBff.Cancel);
        calls.End();
        Assert.InRange(await calls.BeginsAsync(2), TimeSpan.FromSeconds(2.85), TimeSpan.FromSeconds(3));
        calls.End();
        Assert.Equal([200, 200], (await Task.WhenAll(first, second)).Select(answer => answer.Status));
    }

    [Fact]
    public async Task In_dry_run_nobody_waits_and_it_is_counted()
    {
        await using var bff = await ProtectedBff.StartAsync([.. s_narrow, "--Protection:Dependencies:Limit:DryRun=true"]);
        var calls = new HeldCalls(bff);
        var first = bff.GetAsync("/v1/feed/posts/1");
        await calls.BeginsAsync(1);
        var second = bff.GetAsync("/v1/feed/posts/2");
        await calls.BeginsAsync(2);
        calls.End();
        calls.End();
        Assert.Null((await first).Decision);
        Assert.Equal((200, "call_limit; reason=OVERLOADED; effect=dry_run"), ((await second).Status, (await second).Decision));
        Assert.Equal(1, await bff.DecisionsAsync("call_limit", "GetPost", "OVERLOADED", "dry_run"));
    }

    [Fact]
    public async Task It_can_be_changed_and_taken_out_while_it_runs_and_bad_settings_are_refused()
    {
        await using var bff = await ProtectedBff.StartAsync(s_narrow);
        var calls = new HeldCalls(bff);
        var first = bff.GetAsync("/v1/feed/posts/1");
        await calls.BeginsAsync(1);
        await bff.SetAsync("""{"Dependencies":{"Limit":{"Min":2,"Max":2}}}""");
        var second = bff.GetAsync("/v1/feed/posts/2");
        await calls.BeginsAsync(2);
        await bff.SetAsync("""{"Dependencies":{"Limit":{"Enabled":false}}}""");
        var third = bff.GetAsync("/v1/feed/posts/3");
        await calls.BeginsAsync(3);
        var (status, body) = await bff.ChangeAsync("""{"Dependencies":{"Limit":{"Min":201}}}""", bff.Key);
        Assert.Equal(400, (int)status);
        Assert.Contains("Protection:Dependencies:Limit:Max", body.ToJsonString(), StringComparison.Ordinal);
        for (var i = 0; i < 3; i++) calls.End();
        Assert.Equal([200, 200, 200], (await Task.WhenAll(first, second, third)).Select(answer => answer.Status));
    }

    private static async Task WaitingAsync(ProtectedBff bff, int count)
    {
        while ((int)(await LimitAsync(bff))["queue"]!["waiting"]! != count) await Task.Yield();
    }

    private static async Task<JsonNode> LimitAsync(ProtectedBff bff) => (await bff.ProtectionAsync())["mechanisms"]!["callLimit"]![Method]!;

    /// <summary>Calls of GetPost that last until the test ends them, one after the other.</summary>
    private sealed class HeldCalls
    {
        private readonly Channel<(long Id, TimeSpan Left)> _begun = Channel.CreateUnbounded<(long, TimeSpan)>();
        private readonly Channel<bool> _ends = Channel.CreateUnbounded<bool>();

        public HeldCalls(ProtectedBff bff) => bff.GetPost = async (request, context) =>
        {
            _begun.Writer.TryWrite((request.Id, context.Deadline - DateTime.UtcNow));
            await _ends.Reader.ReadAsync(context.CancellationToken);
            return ProtectedBff.Post(request.Id);
        };

        public void End() => _ends.Writer.TryWrite(true);

        /// <summary>The next one that begins is for this post; gives the time that it has.</summary>
        public async Task<TimeSpan> BeginsAsync(long id)
        {
            var (begun, left) = await _begun.Reader.ReadAsync(ProtectedBff.Cancel);
            Assert.Equal(id, begun);
            return left;
        }
    }
}
