using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

public sealed class RateLimitTests
{
    private const string Slow = "--Protection:RateLimit:ClientRate=0.01";

    [Fact]
    public async Task Who_comes_too_often_gets_429_and_when_to_come_back_and_others_are_not_touched()
    {
        await using var bff = await ProtectedBff.StartAsync(Slow, "--Protection:RateLimit:ClientBurst=3");
        var answers = new List<ProtectedBff.Answer>();
        for (var i = 0; i < 4; i++) answers.Add(await bff.GetAsync("/v1/feed/posts/1"));

        Assert.Equal([200, 200, 200, 429], answers.Select(answer => answer.Status));
        Assert.Equal(["2", "1", "0", "0"], answers.Select(answer => answer.Headers["RateLimit"].Split("r=")[1].Split(';')[0]));
        Assert.All(answers, answer => Assert.Equal("\"client\";q=3;w=300", answer.Headers["RateLimit-Policy"]));
        var refused = answers[3];
        Assert.Equal(("RATE_LIMITED", "rate_limit; reason=RATE_LIMITED; effect=refused"), (refused.Reason, refused.Decision));
        // A token comes back every 100 s; nobody is told to come earlier, and not all are told the same time.
        Assert.InRange(refused.RetryAfter!.Value.TotalSeconds, 98, 151);
        Assert.Equal(1, await bff.DecisionsAsync("rate_limit", "GetPost", "RATE_LIMITED", "refused"));

        Assert.Equal(200, (await bff.GetAsync("/v1/feed/posts/1", ("X-Forwarded-For", "198.51.100.1"))).Status);
        Assert.Equal(200, (await bff.GetAsync("/healthz")).Status);
        bff.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task In_dry_run_all_pass_and_are_counted()
    {
        await using var bff = await ProtectedBff.StartAsync(Slow, "--Protection:RateLimit:ClientBurst=1", "--Protection:RateLimit:DryRun=true");
        Assert.Equal((200, null), await StatusAsync(bff));
        Assert.Equal((200, "rate_limit; reason=RATE_LIMITED; effect=dry_run"), await StatusAsync(bff));
        Assert.Equal(1, await bff.DecisionsAsync("rate_limit", "GetPost", "RATE_LIMITED", "dry_run"));
    }

    [Fact]
    public async Task A_route_can_have_a_rate_of_its_own()
    {
        await using var bff = await ProtectedBff.StartAsync("--Protection:Routes:GetPost:Rate=0.01", "--Protection:Routes:GetPost:Burst=1", "--Protection:RateLimit:ClientRate=500");
        Assert.Equal(200, (await bff.GetAsync("/v1/feed/posts/1")).Status);
        var refused = await bff.GetAsync("/v1/feed/posts/1", ("X-Forwarded-For", "198.51.100.1"));
        // It is not the client's own limit that he has to wait for.
        Assert.Equal(429, refused.Status);
        Assert.EndsWith(";t=0", refused.Headers["RateLimit"], StringComparison.Ordinal);
        Assert.InRange(refused.RetryAfter!.Value.TotalSeconds, 98, 151);
        Assert.Equal(200, (await bff.GetAsync("/v1/mall/products/1")).Status);
    }

    [Fact]
    public async Task The_whole_service_can_have_one_too()
    {
        await using var bff = await ProtectedBff.StartAsync("--Protection:RateLimit:NodeRate=0.01", "--Protection:RateLimit:NodeBurst=1");
        Assert.Equal(200, (await bff.GetAsync("/v1/feed/posts/1")).Status);
        Assert.Equal(429, (await bff.GetAsync("/v1/mall/products/1", ("X-Forwarded-For", "198.51.100.1"))).Status);
    }

    private static async Task<(int, string?)> StatusAsync(ProtectedBff bff)
    {
        var answer = await bff.GetAsync("/v1/feed/posts/1");
        return (answer.Status, answer.Decision);
    }
}
