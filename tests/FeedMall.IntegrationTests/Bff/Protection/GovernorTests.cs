using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>/governor/protection: what protects, and changing it while it runs.</summary>
public sealed class GovernorTests
{
    [Fact]
    public async Task The_governor_shows_every_mechanism_and_its_options()
    {
        await using var bff = await ProtectedBff.StartAsync();
        await bff.GetAsync("/v1/feed/posts/1");
        var page = await bff.ProtectionAsync();
        Assert.Equal(["admission", "rateLimit", "quota", "callLimit", "dependencies", "cache", "flights", "degrade"], page["mechanisms"]!.AsObject().Select(part => part.Key));
        // Of each kind one is looked at for the part that tells how it stands.
        var calls = page["mechanisms"]!["dependencies"]!;
        Assert.Equal(["bulkheads", "warm", "timeouts", "gutters", "breakers", "gutterBreakers"], calls.AsObject().Select(part => part.Key));
        Assert.Equal((200, 0), ((int)calls["bulkheads"]!["feed"]!["places"]!, (int)calls["bulkheads"]!["feed"]!["inFlight"]!));
        Assert.Equal("Closed", (string?)calls["breakers"]!["/feedmall.feed.v1.Posts/GetPost"]!["breaker"]!["state"]);
        Assert.Equal((20, 1), ((double)page["mechanisms"]!["callLimit"]!["/feedmall.feed.v1.Posts/GetPost"]!["limiter"]!["limit"]!, (long)page["mechanisms"]!["callLimit"]!["/feedmall.feed.v1.Posts/GetPost"]!["counts"]!["admitted"]!));
        Assert.NotEmpty(page["mechanisms"]!["rateLimit"]!["routes"]!.AsObject());
        Assert.Contains(page["endpoints"]!.AsArray(), target => (double)target!["retries"]!["available"]! > 0 && target["endpoints"]!.AsArray().Count == 1);
        Assert.Equal(["admission", "rateLimit", "quota", "cache", "dependencies", "degrade", "routes"], page["options"]!.AsObject().Select(part => part.Key));
        Assert.Equal(512, (int)page["options"]!["admission"]!["ceiling"]!);
        Assert.Equal(1, (long)page["mechanisms"]!["admission"]!["counts"]!["admitted"]!);
        Assert.Contains("/governor/protection", await bff.Governor.GetStringAsync("/", ProtectedBff.Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_change_holds_at_once_is_logged_and_can_be_taken_back()
    {
        await using var bff = await ProtectedBff.StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await bff.ChangeAsync("""{"Routes":{"GetPost":{"Rate":0.01,"Burst":1}}}""", bff.Key)).Status);
        Assert.Equal(200, (await bff.GetAsync("/v1/feed/posts/1")).Status);
        Assert.Equal(429, (await bff.GetAsync("/v1/feed/posts/1")).Status);
        Assert.Contains(bff.Logs.Entries, entry => entry.Level == LogLevel.Information && entry.Message.EndsWith("set Protection:Routes:GetPost:Rate to 0.01", StringComparison.Ordinal));

        using var reset = new HttpRequestMessage(HttpMethod.Delete, "/governor/protection");
        reset.Headers.Add("X-Api-Key", bff.Key);
        (await bff.Governor.SendAsync(reset, ProtectedBff.Cancel)).EnsureSuccessStatusCode();
        for (var i = 0; i < 3; i++) Assert.Equal(200, (await bff.GetAsync("/v1/feed/posts/1")).Status);
        Assert.Empty((await bff.ProtectionAsync())["changed"]!.AsObject());
    }

    [Fact]
    public async Task Who_does_not_know_the_key_changes_nothing()
    {
        await using var bff = await ProtectedBff.StartAsync();
        foreach (var key in new[] { null, "", "wrong", bff.Key + "x" })
        {
            var (status, body) = await bff.ChangeAsync("""{"Admission":{"Enabled":false}}""", key);
            Assert.Equal((HttpStatusCode.Unauthorized, "UNAUTHENTICATED"), (status, (string?)body["reason"]));
            Assert.DoesNotContain(bff.Key, body.ToJsonString(), StringComparison.Ordinal);
        }
        Assert.True((bool)(await bff.ProtectionAsync())["options"]!["admission"]!["enabled"]!);
        Assert.Equal(4, bff.Logs.Entries.Count(entry => entry.Level == LogLevel.Information && entry.Message == "The governor refused PUT /governor/protection from 127.0.0.1: not its key"));
    }

    [Theory]
    [InlineData("bff")]
    [InlineData("feed")]
    [InlineData("mall")]
    [InlineData("kv")]
    public void The_governor_is_for_this_machine_alone_unless_it_is_told_otherwise(string service)
    {
        var settings = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, $"{service}.json")))!;
        Assert.True(new Uri((string)settings.AsObject().Single(section => section.Value!["GovernorUrl"] is not null).Value!["GovernorUrl"]!).IsLoopback);
    }

    [Theory]
    [InlineData("""{"Admission":{"Ceiling":7},"RateLimit":{"ClientRate":-1}}""", "Protection:RateLimit:ClientRate")]
    [InlineData("""{"Admission":{"Ceiling":0}}""", "Protection:Admission:Ceiling")]
    [InlineData("""{"Admission":{"Ceiling":"many"}}""", "Protection:Admission:Ceiling")]
    [InlineData("""{"Admission":{"QueueTarget":"00:00:01","QueueInterval":"00:00:00.1"}}""", "Protection:Admission:QueueInterval")]
    [InlineData("""{"Dependencies":{"BreakerK":0.5}}""", "Protection:Dependencies:BreakerK")]
    [InlineData("""{"Routes":{"NoSuchRoute":{"Rate":1}}}""", "NoSuchRoute")]
    [InlineData("""{"Routes":{"GetPost":{"Criticality":"very"}}}""", "Protection:Routes:GetPost:Criticality")]
    [InlineData("""{"Admision":{"Ceiling":7}}""", "Admision")]
    [InlineData("""{"Admission":{"Ceiling":[7]}}""", "Protection:Admission:Ceiling")]
    [InlineData("""{"Admission":{"Ceiling":"\ud800"}}""", "no text")]
    [InlineData("""{"\ud800":{"Ceiling":7}}""", "no text")]
    [InlineData("7", "object")]
    [InlineData("{", "JSON")]
    public async Task A_bad_change_is_refused_as_a_whole_and_says_what_is_wrong(string change, string named)
    {
        await using var bff = await ProtectedBff.StartAsync();
        var (status, body) = await bff.ChangeAsync(change, bff.Key);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(body["problems"]!.AsArray(), problem => ((string)problem!).Contains(named, StringComparison.Ordinal));
        Assert.Equal(512, (int)(await bff.ProtectionAsync())["options"]!["admission"]!["ceiling"]!);
        if (named != "JSON") Assert.Contains(bff.Logs.Entries, entry => entry.Message.Contains("was refused", StringComparison.Ordinal) && entry.Message.Contains("127.0.0.1", StringComparison.Ordinal));
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_change_of_too_many_settings_is_refused_in_few_words()
    {
        await using var bff = await ProtectedBff.StartAsync();
        var routes = string.Join(',', Enumerable.Range(0, 5000).Select(i => $"\"r{i}\":{{\"Rate\":1}}"));
        var (status, body) = await bff.ChangeAsync($$$"""{"Routes":{{{{routes}}}}}""", bff.Key);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.InRange(body["problems"]!.AsArray().Count, 1, 20);
    }

    [Fact]
    public async Task Changes_of_a_part_can_be_taken_back_together()
    {
        await using var bff = await ProtectedBff.StartAsync();
        await bff.SetAsync("""{"Routes":{"GetPost":{"Rate":5,"Burst":7},"ListPosts":{"Rate":5}}}""");
        await bff.SetAsync("""{"Routes":{"getpost":null}}""");
        Assert.Equal(["Protection:Routes:ListPosts:Rate"], (await bff.ProtectionAsync())["changed"]!.AsObject().Select(changed => changed.Key));
    }

    [Fact]
    public async Task A_change_that_cannot_be_taken_back_alone_is_refused()
    {
        await using var bff = await ProtectedBff.StartAsync("--Protection:Admission:QueueTarget=00:00:00.100");
        await bff.SetAsync("""{"Admission":{"QueueTarget":"00:00:00.010","QueueInterval":"00:00:00.050"}}""");
        var (status, body) = await bff.ChangeAsync("""{"Admission":{"QueueTarget":null}}""", bff.Key);
        Assert.Equal((HttpStatusCode.BadRequest, "Nothing was changed."), (status, (string?)body["message"]));
        Assert.Equal("00:00:00.0100000", (string?)(await bff.ProtectionAsync())["options"]!["admission"]!["queueTarget"]);
        await bff.SetAsync("""{"Admission":null}""");
        Assert.Equal("00:00:00.1000000", (string?)(await bff.ProtectionAsync())["options"]!["admission"]!["queueTarget"]);
    }

    [Fact]
    public async Task What_a_request_is_worth_travels_to_the_service()
    {
        await using var bff = await ProtectedBff.StartAsync();
        var seen = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        bff.GetPost = (request, context) =>
        {
            seen.SetResult($"{context.RequestHeaders.GetValue("x-md-global-criticality")} {context.RequestHeaders.GetValue("x-md-global-client-ip")} {context.RequestHeaders.GetValue("x-md-global-app")}");
            return Task.FromResult(ProtectedBff.Post(request.Id));
        };
        await bff.GetAsync("/v1/feed/posts/1", ("x1-mio-criticality", "sheddable_plus"), ("X-Forwarded-For", "198.51.100.1"), ("aid", "web"));
        Assert.Equal("sheddable_plus 198.51.100.1 web", await seen.Task);
    }
}
