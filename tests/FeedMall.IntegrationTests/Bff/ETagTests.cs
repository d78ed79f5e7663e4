using System.Net;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.Bff;

public sealed class ETagTests
{
    [Fact]
    public async Task What_has_not_changed_is_304_and_a_like_or_an_edit_changes_it()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        var story = new Story(host.Http);
        await story.WalkAsync(cancel);
        var id = (string)(await story.SendAsync(HttpMethod.Post, "/v1/feed/posts", new { title = "a" }, cancel)).Body["data"]!["id"]!;
        var path = $"/v1/feed/posts/{id}";

        var first = await TagAsync(path);
        foreach (var wanted in new[] { first, $"\"other\", {first}", "*", first.Replace("W/", "", StringComparison.Ordinal) })
            Assert.Equal(HttpStatusCode.NotModified, await StatusAsync(path, wanted));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(path, "\"other\""));

        await story.SendAsync(HttpMethod.Put, $"{path}/like", null, cancel);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(path, first));
        var liked = await TagAsync(path);
        await story.SendAsync(HttpMethod.Patch, path, new { title = "b" }, cancel);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(path, liked));

        async Task<string> TagAsync(string url)
        {
            using var response = await host.Http.GetAsync(url, cancel);
            return response.Headers.ETag!.ToString();
        }

        async Task<HttpStatusCode> StatusAsync(string url, string ifNoneMatch)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            request.Headers.TryAddWithoutValidation("If-None-Match", ifNoneMatch);
            using var response = await host.Http.SendAsync(request, cancel);
            if (response.StatusCode == HttpStatusCode.NotModified) Assert.Empty(await response.Content.ReadAsByteArrayAsync(cancel));
            return response.StatusCode;
        }
    }

    [Theory]
    [InlineData("/v1/feed/posts")]
    [InlineData("/v1/feed/cards?limit=5")]
    [InlineData("/v1/mall/collections")]
    [InlineData("/v1/pages/home")]
    public async Task A_list_that_has_not_changed_is_304_whether_it_is_made_or_kept(string path)
    {
        var cancel = TestContext.Current.CancellationToken;
        foreach (var isCached in new[] { "true", "false" })
        {
            using var folder = new TemporaryFolder();
            await using var host = await FeedMallHost.StartAsync(folder.Path, $"--Protection:Cache:Enabled={isCached}");
            var story = new Story(host.Http);
            await story.WalkAsync(cancel);
            var tag = (await AskAsync(host, path, null)).Tag;
            Assert.Equal((HttpStatusCode.NotModified, tag), await AskAsync(host, path, tag));
            Assert.Equal((HttpStatusCode.OK, tag), await AskAsync(host, path, "\"other\""));
            await story.SendAsync(HttpMethod.Post, "/v1/feed/posts", new { title = "a" }, cancel);
            var (status, next) = await AskAsync(host, path, tag);
            Assert.Equal(path.Contains("mall", StringComparison.Ordinal), status == HttpStatusCode.NotModified && next == tag);
        }

        async Task<(HttpStatusCode, string Tag)> AskAsync(FeedMallHost host, string url, string? ifNoneMatch)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            if (ifNoneMatch is not null) request.Headers.TryAddWithoutValidation("If-None-Match", ifNoneMatch);
            using var response = await host.Http.SendAsync(request, cancel);
            return (response.StatusCode, response.Headers.ETag!.ToString());
        }
    }
}
