using FeedMall.Testing;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>The quota of one copy of the Bff, over real HTTP. <see cref="QuotaOfCopiesTests"/> has several.</summary>
public sealed class QuotaTests
{
    private const string Post = "/v1/feed/posts/1";
    // One caller, whose part of this burst is 2.
    private static readonly string[] s_small = ["--Protection:Quota:Limit=20"];

    [Fact]
    public async Task Who_takes_more_than_the_quota_gets_429_and_when_to_come_back_and_what_is_not_protected_still_answers()
    {
        await using var bff = await StartAsync(s_small);
        var answers = await CrowdAsync(bff, 30);
        var (passed, refused) = (answers.Where(answer => answer.Status == 200).ToList(), answers.Where(answer => answer.Status == 429).ToList());
        Assert.Equal(answers.Length, passed.Count + refused.Count);
        Assert.InRange(passed.Count, 1, 20);
        Assert.All(answers, answer => Assert.Equal("\"quota\";q=20;w=1", answer.Headers["RateLimit-Policy"]));
        Assert.All(answers, answer => Assert.Matches("^\"quota\";r=[0-9]+;t=[01]$", answer.Headers["RateLimit"]));
        Assert.All(refused, answer => Assert.Equal(("QUOTA_EXCEEDED", "quota; reason=QUOTA_EXCEEDED; effect=refused"), (answer.Reason, answer.Decision)));
        // Another one comes after 50 ms, but headers count in seconds, and not all are told the same.
        Assert.All(refused, answer => Assert.InRange(answer.RetryAfter!.Value.TotalSeconds, 1, 2));
        Assert.All(passed, answer => Assert.Null(answer.Decision));
        Assert.Equal(refused.Count, await bff.DecisionsAsync("quota", "GetPost", "QUOTA_EXCEEDED", "refused"));
        Assert.Equal(200, (await bff.GetAsync("/healthz")).Status);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Its_policy_stands_beside_that_of_the_client()
    {
        await using var bff = await StartAsync("--Protection:RateLimit:ClientRate=100", "--Protection:RateLimit:ClientBurst=50", "--Protection:Quota:Limit=1000");
        var answer = await bff.GetAsync(Post);
        Assert.Equal((200, "\"client\";q=50;w=1, \"quota\";q=1000;w=1"), (answer.Status, answer.Headers["RateLimit-Policy"]));
        Assert.Matches("^\"client\";r=49;t=0, \"quota\";r=[0-9]+;t=0$", answer.Headers["RateLimit"]);
    }

    [Fact]
    public async Task In_dry_run_all_pass_and_are_counted()
    {
        await using var bff = await StartAsync([.. s_small, "--Protection:Quota:DryRun=true"]);
        var answers = await CrowdAsync(bff, 30);
        Assert.All(answers, answer => Assert.Equal(200, answer.Status));
        var marked = answers.Count(answer => answer.Decision == "quota; reason=QUOTA_EXCEEDED; effect=dry_run");
        Assert.InRange(marked, 1, 29);
        Assert.Equal(marked, await bff.DecisionsAsync("quota", "GetPost", "QUOTA_EXCEEDED", "dry_run"));
    }

    [Fact]
    public async Task An_application_with_a_limit_of_its_own_leaves_the_others_alone()
    {
        await using var bff = await StartAsync("--Protection:Quota:Callers:greedy:Limit=1");
        var greedy = await CrowdAsync(bff, 20, ("aid", "greedy"));
        Assert.InRange(greedy.Count(answer => answer.Status == 429), 10, 19);
        Assert.All(greedy, answer => Assert.Equal("\"quota\";q=1;w=1", answer.Headers["RateLimit-Policy"]));
        // Names that nobody gave a place to share one.
        Assert.All(await CrowdAsync(bff, 20), answer => Assert.Equal(200, answer.Status));
        foreach (var name in new[] { "web", "x1", "x2" }) Assert.Equal(200, (await bff.GetAsync(Post, ("aid", name))).Status);
        Assert.Equal(["greedy", "other"], (await bff.ProtectionAsync())["mechanisms"]!["quota"]!["callers"]!.AsObject().Select(caller => caller.Key).Order());
    }

    [Fact]
    public async Task It_can_go_by_who_is_logged_in()
    {
        await using var bff = await StartAsync("--Protection:Quota:By=Tier", "--Protection:Quota:Callers:anonymous:Limit=1");
        Assert.Contains(await CrowdAsync(bff, 20), answer => answer.Status == 429);
        var callers = (await bff.ProtectionAsync())["mechanisms"]!["quota"]!["callers"]!;
        Assert.Equal((20, 0), ((int)callers["anonymous"]!["admitted"]! + (int)callers["anonymous"]!["refused"]!, (int)callers["user"]!["admitted"]!));
    }

    [Fact]
    public async Task A_change_by_the_governor_holds_with_the_next_renewal()
    {
        await using var bff = await StartAsync();
        Assert.All(await CrowdAsync(bff, 30), answer => Assert.Equal(200, answer.Status));
        Assert.Equal(200, (int)(await bff.ChangeAsync("""{"Quota":{"Limit":1,"Callers":{"web":{"Weight":2}}}}""", bff.Key)).Status);
        while ((await CrowdAsync(bff, 10)).All(answer => answer.Status == 200)) await Task.Yield();
        Assert.Equal(2, (await bff.ProtectionAsync())["mechanisms"]!["quota"]!["callers"]!.AsObject().Count);
        Assert.Equal(200, (int)(await bff.ChangeAsync("""{"Quota":{"Enabled":false}}""", bff.Key)).Status);
        Assert.All(await CrowdAsync(bff, 30), answer => Assert.Equal(200, answer.Status));
    }

    [Theory]
    [InlineData("""{"Quota":{"Limit":0}}""", "Protection:Quota:Limit")]
    [InlineData("""{"Quota":{"Lease":"00:00:01"}}""", "Protection:Quota:Lease")]
    [InlineData("""{"Quota":{"By":"Tier","Callers":{"web":{"Limit":1}}}}""", "Protection:Quota:Callers:web")]
    [InlineData("""{"Quota":{"Callers":{"web":{"Weight":0}}}}""", "Protection:Quota:Callers:web:Weight")]
    public async Task A_bad_change_changes_nothing(string change, string named)
    {
        await using var bff = await StartAsync();
        var (status, body) = await bff.ChangeAsync(change, bff.Key);
        Assert.Equal(400, (int)status);
        Assert.Contains(body["problems"]!.AsArray(), problem => ((string)problem!).Contains(named, StringComparison.Ordinal));
        Assert.Equal(50_000, (double)(await bff.ProtectionAsync())["options"]!["quota"]!["limit"]!);
    }

    [Theory]
    [InlineData("AllowAll", 0)]
    [InlineData("DenyAll", 20)]
    public async Task Without_a_store_the_setting_decides(string fallback, int refused)
    {
        await using var bff = await StartAsync([.. s_small, $"--Protection:Quota:WithoutStore={fallback}"]);
        Assert.Equal(refused, (await CrowdAsync(bff, 20)).Count(answer => answer.Status == 429));
        Assert.Contains("feedmall_bff_quota_leased 0", await bff.Governor.GetStringAsync("/metrics", ProtectedBff.Cancel), StringComparison.Ordinal);
        Assert.DoesNotContain(bff.Logs.Entries, entry => entry.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task What_others_write_into_the_store_breaks_nothing()
    {
        await using var store = await CacheServer.StartAsync(CacheServer.Redis);
        using var redis = await StackExchange.Redis.ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{store.Port}");
        var key = redis.GetDatabase();
        foreach (var note in new[] { "", "{", "[]", "null", "{}", """{"number":1,"limit":1e999,"ttl":"00:00:03","lines":[]}""", """{"number":1,"limit":1,"ttl":"00:00:03","lines":[{"caller":"other","weight":1,"limit":0,"demand":-5,"claim":0}]}""" })
            await key.HashSetAsync("quota:notes", $"stranger {note.GetHashCode(StringComparison.Ordinal)}", note);
        await using var bff = await StartAsync("--Bff:Cache:Enabled=true", $"--Bff:Cache:Addresses=127.0.0.1:{store.Port}");
        while (!(bool)(await bff.ProtectionAsync())["mechanisms"]!["quota"]!["peers"]!["isLeased"]!) await Task.Yield();
        Assert.Equal(1, (int)(await bff.ProtectionAsync())["mechanisms"]!["quota"]!["peers"]!["nodes"]!);
        Assert.All(await CrowdAsync(bff, 30), answer => Assert.Equal(200, answer.Status));
        bff.Logs.AssertNoErrors();
    }

    private static Task<ProtectedBff> StartAsync(params string[] settings) => ProtectedBff.StartAsync(["--Protection:Quota:Enabled=true", .. settings]);

    private static Task<ProtectedBff.Answer[]> CrowdAsync(ProtectedBff bff, int count, params (string, string)[] headers) =>
        Task.WhenAll(Enumerable.Range(0, count).Select(_ => bff.GetAsync(Post, headers)));
}
