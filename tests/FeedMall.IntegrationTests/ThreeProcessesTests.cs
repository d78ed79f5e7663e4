using System.Diagnostics;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests;

public sealed class ThreeProcessesTests
{
    [Fact]
    public async Task The_story_goes_through_three_processes_and_the_home_page_survives_without_the_mall()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        // No answer may come from a copy.
        await using var processes = await ThreeProcesses.StartAsync(folder.Path, cancel, "--Protection:Cache:Enabled=false");
        var story = new Story(processes.Http);
        await story.WalkAsync(cancel);

        await processes.Mall!.KillAsync();
        for (var i = 0; i < 5; i++)
        {
            var sent = Stopwatch.GetTimestamp();
            var home = await story.GetAsync("/v1/pages/home", cancel);
            // A part that is not there is not waited for: its time is 9 s.
            Assert.InRange(Stopwatch.GetElapsedTime(sent), TimeSpan.Zero, TimeSpan.FromSeconds(5));
            Assert.Equal("mall", (string?)Assert.Single(home["degraded"]!.AsArray()));
            Assert.NotEmpty(home["feed"]!["items"]!.AsArray());
        }
        Assert.NotEmpty((await story.GetAsync("/v1/feed/posts", cancel))["items"]!.AsArray());
        Assert.Equal(503, (int)(await story.SendAsync(HttpMethod.Get, "/v1/mall/shops", null, cancel)).Status);
        Assert.Equal(503, (int)(await processes.Http.GetAsync("/readyz", cancel)).StatusCode);
        Assert.Equal(200, (int)(await processes.Http.GetAsync("/healthz", cancel)).StatusCode);

        await processes.StartMallAsync(cancel);
        Assert.Empty((await story.GetAsync("/v1/pages/home", cancel))["degraded"]!.AsArray());
        await story.ReadAgainAsync(cancel);
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_after_all_three_processes_were_killed()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        string id;
        await using (var processes = await ThreeProcesses.StartAsync(folder.Path, cancel))
        {
            var story = new Story(processes.Http);
            await story.WalkAsync(cancel);
            var (_, created) = await story.SendAsync(HttpMethod.Post, "/v1/feed/posts", new { title = "The last words" }, cancel);
            id = (string)created["data"]!["id"]!;
        }
        await using var again = await ThreeProcesses.StartAsync(folder.Path, cancel);
        Assert.Equal("The last words", (string?)(await new Story(again.Http).GetAsync($"/v1/feed/posts/{id}", cancel))["title"]);
    }
}
