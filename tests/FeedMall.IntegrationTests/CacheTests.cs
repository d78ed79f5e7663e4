using System.Text.RegularExpressions;
using Dapper;
using FeedMall.ServiceDefaults.Database;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests;

/// <summary>The cache as a client of the Bff meets it: not at all, but for the time that it saves.</summary>
public sealed partial class CacheTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_everything_in_one_process_the_second_read_of_a_post_does_not_touch_the_database()
    {
        using var folder = new TemporaryFolder();
        var (bff, governor) = (FreePort.NextUrl(), FreePort.NextUrl());
        await using var everything = ServiceProcess.Start("AllInOne", folder.Path, [$"--Bff:Url={bff}", "--Feed:Url=http://127.0.0.1:0", "--Mall:Url=http://127.0.0.1:0",
            "--Bff:GovernorUrl=", $"--Feed:GovernorUrl={governor}", "--Mall:GovernorUrl=", "--Kv:GovernorUrl=", "--Kv:Port=0", "--Kv:Password=a-secret-of-the-store",
            "--Feed:Cache:OperationTimeout=00:00:05", "--AllInOne:DemoData=false",
            // The edge would answer the second read itself.
            "--Protection:Cache:Enabled=false", .. FeedMallHost.PatientBff]);
        await everything.WaitForLineAsync("Ctrl+C", Token);
        using var http = new HttpClient { BaseAddress = new Uri(bff) };
        using var operators = new HttpClient { BaseAddress = new Uri(governor) };
        await WaitForConnectionAsync(operators);
        var story = new Story(http);
        await story.WalkAsync(Token);
        var (_, created) = await story.SendAsync(HttpMethod.Post, "/v1/feed/posts", new { title = "Cached" }, Token);
        var path = $"/v1/feed/posts/{(string)created["data"]!["id"]!}";

        var first = (await story.GetAsync(path, Token)).ToJsonString();
        var before = await ScrapeAsync(operators);
        // Behind the service's back: who reads the database now finds no title of ours.
        await using (var database = ServiceDatabase.Open("feed.db", Path.Combine(folder.Path, ".data")))
            Assert.True(await database.WriteAsync((connection, transaction) => connection.ExecuteAsync("UPDATE posts SET title = 'Not cached'", transaction: transaction), Token) > 0);
        for (var i = 0; i < 3; i++) Assert.Equal(first, (await story.GetAsync(path, Token)).ToJsonString());
        var after = await ScrapeAsync(operators);
        Assert.Equal((before.Loads, before.Hits + 3), (after.Loads, after.Hits));
        Assert.DoesNotContain("a-secret-of-the-store", everything.Output, StringComparison.Ordinal);
        Assert.Contains("The cache is at 127.0.0.1:", everything.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_whole_story_goes_on_while_the_store_is_killed_and_comes_back()
    {
        using var folder = new TemporaryFolder();
        var redis = await RedisServer.StartAsync();
        var governor = FreePort.NextUrl();
        await using var host = await FeedMallHost.StartAsync(folder.Path, "--Feed:Cache:Enabled=true", "--Mall:Cache:Enabled=true",
            $"--Feed:Cache:Addresses=127.0.0.1:{redis.Port}", $"--Mall:Cache:Addresses=127.0.0.1:{redis.Port}", $"--Feed:GovernorUrl={governor}");
        using var operators = new HttpClient { BaseAddress = new Uri(governor) };
        await WaitForConnectionAsync(operators);
        var story = new Story(host.Http);
        await story.WalkAsync(Token);
        await redis.DisposeAsync();
        // The client notices within moments, not at once.
        await WaitForStateAsync(operators, "Degraded");
        await story.ReadAgainAsync(Token);
        var meanwhile = new Story(host.Http);
        await meanwhile.WalkAsync(Token);
        await using var again = await RedisServer.StartAsync(redis.Port);
        await WaitForConnectionAsync(operators);
        await meanwhile.ReadAgainAsync(Token);
        await new Story(host.Http).WalkAsync(Token);
        host.Logs.AssertNoErrors();
    }

    private static Task WaitForConnectionAsync(HttpClient governor) => WaitForStateAsync(governor, "Healthy");

    private static async Task WaitForStateAsync(HttpClient governor, string state)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        while (await StateAsync(governor) != state) await Task.Delay(20, limit.Token);
    }

    // A service without its cache is ready all the same.
    private static async Task<string> StateAsync(HttpClient governor)
    {
        using var ready = await governor.GetAsync("/readyz", Token);
        ready.EnsureSuccessStatusCode();
        return CacheState().Match(await ready.Content.ReadAsStringAsync(Token)).Groups[1].Value;
    }

    private static async Task<(double Loads, double Hits)> ScrapeAsync(HttpClient governor)
    {
        var text = await governor.GetStringAsync("/metrics", Token);
        double Read(Regex line) => line.Match(text) is { Success: true } match ? double.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) : 0;
        return (Read(LoadLine()), Read(HitLine()));
    }

    [GeneratedRegex("\"cache\":\"(\\w+)\"")]
    private static partial Regex CacheState();

    [GeneratedRegex("^feedmall_cache_loads_total\\{[^}]*cache=\"post\"[^}]*\\} (\\S+)", RegexOptions.Multiline)]
    private static partial Regex LoadLine();

    [GeneratedRegex("^feedmall_cache_reads_total\\{[^}]*cache=\"post\"[^}]*result=\"hit\"[^}]*\\} (\\S+)", RegexOptions.Multiline)]
    private static partial Regex HitLine();
}
