using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.Bff;

public sealed class DegradedHomeTests
{
    [Fact]
    public async Task Without_the_mall_the_home_page_answers_in_time_with_the_feed_and_names_what_is_missing()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        // Nothing is kept, neither the page nor what could stand in for its sections.
        await using var host = await FeedMallHost.StartAsync(folder.Path, "--Protection:Cache:Enabled=false", "--Protection:Degrade:RenewInterval=00:00:00");
        var story = new Story(host.Http);
        await story.WalkAsync(cancel);

        await host.StopMallAsync();
        var sent = Stopwatch.GetTimestamp();
        var home = await story.GetAsync("/v1/pages/home", cancel);
        // The part that is not there is not waited for: its time is 9 s.
        Assert.InRange(Stopwatch.GetElapsedTime(sent), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.Equal("mall", (string?)Assert.Single(home["degraded"]!.AsArray()));
        Assert.NotEmpty(home["feed"]!["items"]!.AsArray());
        Assert.Empty(home["mall"]!["items"]!.AsArray());
        await story.GetAsync("/v1/feed/posts", cancel);
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_mall_that_hangs_costs_the_home_page_its_half_and_not_its_answer_when_the_caller_has_little_time()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var feed = await FeedMallHost.StartAsync(folder.Path);
        await new Story(feed.Http).WalkAsync(cancel);
        // Takes connections, as the kernel does for a process that is stopped, and never answers.
        using var hanging = new TcpListener(IPAddress.Loopback, 0);
        hanging.Start();
        await using var host = await FeedMallHost.StartBffAsync(folder.Path, feed.FeedAddress, new Uri($"http://{hanging.LocalEndpoint}"),
            "--Bff:RequestTimeout=00:00:10", "--Bff:HomeSectionTimeout=00:00:09");

        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/pages/home");
        request.Headers.Add("x1-mio-timeout", "4000");
        using var response = await host.Http.SendAsync(request, cancel);
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(cancel))!;
        Assert.True(response.StatusCode == HttpStatusCode.OK, answer.ToJsonString());
        Assert.Equal("mall", (string?)Assert.Single(answer["data"]!["degraded"]!.AsArray()));
        Assert.NotEmpty(answer["data"]!["feed"]!["items"]!.AsArray());
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Without_both_sides_the_home_page_still_answers_and_readyz_says_what_is_missing()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartBffAsync(folder.Path, new Uri(FreePort.NextUrl()), new Uri(FreePort.NextUrl()));
        var story = new Story(host.Http);
        var home = await story.GetAsync("/v1/pages/home", cancel);
        Assert.Equal(["feed", "mall"], home["degraded"]!.AsArray().Select(section => (string?)section));
        var (status, body) = await story.SendAsync(HttpMethod.Get, "/readyz", null, cancel);
        Assert.Equal(503, (int)status);
        Assert.Equal("unhealthy", (string?)body["metadata"]!["feed"]);
        var (down, refusal) = await story.SendAsync(HttpMethod.Get, "/v1/feed/posts", null, cancel);
        Assert.Equal(503, (int)down);
        Assert.Equal("NO_ENDPOINT", (string?)refusal["reason"]);
        host.Logs.AssertNoErrors();
    }
}
