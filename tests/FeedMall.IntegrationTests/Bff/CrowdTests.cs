using System.Net;
using System.Net.Http.Json;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.Bff;

public sealed class CrowdTests
{
    [Fact]
    public async Task Wrong_passwords_sent_by_a_crowd_do_not_stop_the_feed()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        var story = new Story(host.Http);
        await story.WalkAsync(cancel);

        var crowd = Enumerable.Range(0, 128).Select(_ => GuessAsync()).ToArray();
        var reads = new List<HttpStatusCode>();
        while (crowd.Any(guess => !guess.IsCompleted))
        {
            using var read = await host.Http.GetAsync("/v1/feed/posts?limit=1", cancel);
            reads.Add(read.StatusCode);
        }
        Assert.NotEmpty(reads);
        Assert.All(reads, status => Assert.Equal(HttpStatusCode.OK, status));
        // Some are told that the password is wrong, and who stands too far back in the line to come later (by the limit of calls, or by the service's own), or that it took too long.
        Assert.All(await Task.WhenAll(crowd), status => Assert.True(
            status is HttpStatusCode.Unauthorized or HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests or HttpStatusCode.GatewayTimeout, $"{status}"));
        host.Logs.AssertNoErrors();

        async Task<HttpStatusCode> GuessAsync()
        {
            using var response = await host.Http.PostAsJsonAsync("/v1/auth/login", new { name = "nobody", password = "a wrong guess" }, cancel);
            return response.StatusCode;
        }
    }
}
