using System.Net;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.Bff;

public sealed class HeadTests
{
    [Fact]
    public async Task HEAD_is_answered_like_GET_and_without_a_body()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        var story = new Story(host.Http);
        await story.WalkAsync(cancel);
        var created = (await story.SendAsync(HttpMethod.Post, "/v1/feed/posts", new { title = "a" }, cancel)).Body;
        var post = $"/v1/feed/posts/{(string)created["data"]!["id"]!}";

        foreach (var path in new[] { post, "/v1/feed/posts", "/v1/pages/home", "/healthz", "/readyz", "/", "/swagger/index.html", "/v1/feed/posts/0", "/v1/nothing" })
        {
            using var get = await host.Http.GetAsync(path, cancel);
            using var head = await SendAsync(path);
            Assert.True(get.StatusCode == head.StatusCode, $"{path}: {get.StatusCode} and {head.StatusCode}");
            Assert.Equal(get.Headers.ETag, head.Headers.ETag);
            Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
            Assert.NotEmpty(await get.Content.ReadAsByteArrayAsync(cancel));
            Assert.Empty(await head.Content.ReadAsByteArrayAsync(cancel));
        }
        using var poster = await SendAsync("/v1/auth/login");
        Assert.Equal(HttpStatusCode.MethodNotAllowed, poster.StatusCode);
        host.Logs.AssertNoErrors();

        async Task<HttpResponseMessage> SendAsync(string path)
        {
            using var request = new HttpRequestMessage(HttpMethod.Head, path);
            return await host.Http.SendAsync(request, cancel);
        }
    }
}
