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
}
