using System.Diagnostics;
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
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        var story = new Story(host.Http);
        await story.WalkAsync(cancel);

        await host.StopMallAsync();
        var sent = Stopwatch.GetTimestamp();
        var home = await story.GetAsync("/v1/pages/home", cancel);
        Assert.InRange(Stopwatch.GetElapsedTime(sent), TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.Equal("mall", (string?)Assert.Single(home["degraded"]!.AsArray()));
        Assert.NotEmpty(home["feed"]!["items"]!.AsArray());
        Assert.Empty(home["mall"]!["items"]!.AsArray());
        await story.GetAsync("/v1/feed/posts", cancel);
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
