using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.IntegrationTests.Bff;

/// <summary>What a hostile or clumsy client may send. Every row gets its 4xx with a reason; nothing of our inside shows, nothing is logged as our defect.</summary>
public sealed class HostileInputTests
{
    private const string Token = "<valid>";
    private static readonly string Deep = string.Concat(Enumerable.Repeat("{\"a\":", 200)) + "1" + new string('}', 200);
    private static readonly string Long = new('x', 20_000);

    private static readonly Row[] Rows =
    [
        // JSON that is none, or another shape
        new("POST", "/v1/feed/posts", "{", 400, "VALIDATION_FAILED"),
        new("POST", "/v1/feed/posts", "", 400, "VALIDATION_FAILED"),
        new("POST", "/v1/feed/posts", "null", 400, "VALIDATION_FAILED"),
        new("POST", "/v1/feed/posts", "[]", 400, "VALIDATION_FAILED"),
        new("POST", "/v1/feed/posts", "\"text\"", 400, "VALIDATION_FAILED"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\",}", 400, "VALIDATION_FAILED"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\",\"title\":\"b\"}", 400, "VALIDATION_FAILED"),
        new("POST", "/v1/feed/posts", "{'title':'a'}", 400, "VALIDATION_FAILED"),
        new("POST", "/v1/feed/posts", Deep, 400, "VALIDATION_FAILED"),
        new("POST", "/v1/auth/login", Deep, 400, "VALIDATION_FAILED"),
        // wrong types and ranges
        new("POST", "/v1/feed/posts", "{\"title\":5}", 400, "VALIDATION_FAILED", "title"),
        new("POST", "/v1/feed/posts", "{\"title\":{\"a\":1}}", 400, "VALIDATION_FAILED", "title"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\",\"tags\":\"b\"}", 400, "VALIDATION_FAILED", "tags"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\",\"tags\":[1]}", 400, "VALIDATION_FAILED", "tags[0]"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\",\"tags\":[null]}", 400, "VALIDATION_FAILED", "tags[0]"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\",\"images\":[null]}", 400, "VALIDATION_FAILED", "images[0]"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\",\"type\":\"poem\"}", 400, "VALIDATION_FAILED", "type"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\",\"type\":\"video\"}", 400, "VALIDATION_FAILED", "video"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\",\"cover\":{\"url\":\"javascript:alert(1)\"}}", 400, "VALIDATION_FAILED", "cover.url"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\",\"cover\":{\"url\":\"https://a\",\"width\":-1}}", 400, "VALIDATION_FAILED", "cover.width"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\",\"cover\":{\"url\":\"https://a\",\"width\":99999999999}}", 400, "VALIDATION_FAILED", "cover.width"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\",\"cover\":{\"url\":\"https://a\",\"width\":1.5}}", 400, "VALIDATION_FAILED", "cover.width"),
        new("POST", "/v1/feed/posts", "{\"title\":\"\"}", 400, "VALIDATION_FAILED", "title"),
        new("POST", "/v1/feed/posts", "{\"title\":\"   \"}", 400, "VALIDATION_FAILED", "title"),
        new("POST", "/v1/feed/posts", $"{{\"title\":\"{Long}\"}}", 400, "VALIDATION_FAILED", "title"),
        new("POST", "/v1/feed/posts", $"{{\"title\":\"a\",\"content\":\"{Long}\"}}", 400, "VALIDATION_FAILED", "content"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\",\"tags\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\"]}", 400, "VALIDATION_FAILED", "tags"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\\u0000b\"}", 400, "VALIDATION_FAILED", "title"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\\u001bb\"}", 400, "VALIDATION_FAILED", "title"),
        new("POST", "/v1/feed/posts", "{\"title\":\"\\ud800\"}", 400, "VALIDATION_FAILED"),
        new("POST", "/v1/mall/products", "{\"shopId\":1,\"title\":\"a\"}", 400, "VALIDATION_FAILED", "shopId"),
        new("POST", "/v1/mall/products", "{\"shopId\":\"-1\",\"title\":\"a\",\"price\":{\"amount\":1,\"currency\":\"EUR\"}}", 400, "VALIDATION_FAILED", "shopId"),
        new("POST", "/v1/mall/products", "{\"shopId\":\"1\",\"title\":\"a\",\"price\":{\"amount\":-1,\"currency\":\"EUR\"}}", 400, "VALIDATION_FAILED", "price.amount"),
        new("POST", "/v1/mall/products", "{\"shopId\":\"1\",\"title\":\"a\",\"price\":{\"amount\":9223372036854775808,\"currency\":\"EUR\"}}", 400, "VALIDATION_FAILED", "price.amount"),
        new("POST", "/v1/mall/products", "{\"shopId\":\"1\",\"title\":\"a\",\"price\":{\"amount\":1e400,\"currency\":\"EUR\"}}", 400, "VALIDATION_FAILED", "price.amount"),
        new("POST", "/v1/mall/products", "{\"shopId\":\"1\",\"title\":\"a\",\"price\":{\"amount\":1,\"currency\":\"euro\"}}", 400, "VALIDATION_FAILED", "price.currency"),
        new("POST", "/v1/mall/products", "{\"shopId\":\"99\",\"title\":\"a\",\"price\":{\"amount\":1,\"currency\":\"EUR\"}}", 404, "MALL_SHOP_NOT_FOUND"),
        new("POST", "/v1/mall/collections", "{\"shopId\":\"1\",\"title\":\"a\",\"skus\":[]}", 400, "VALIDATION_FAILED", "skus"),
        new("POST", "/v1/mall/collections", "{\"shopId\":\"1\",\"title\":\"a\",\"skus\":[null]}", 400, "VALIDATION_FAILED", "skus[0]"),
        new("PUT", "/v1/mall/collections/1/state", "{\"state\":\"sold\"}", 400, "VALIDATION_FAILED", "state"),
        new("POST", "/v1/auth/register", "{\"name\":\"Robert'); DROP TABLE users;--\",\"password\":\"12345678\"}", 400, "VALIDATION_FAILED", "name"),
        new("POST", "/v1/auth/register", "{\"name\":\"abc\\n\",\"password\":\"12345678\"}", 400, "VALIDATION_FAILED", "name"),
        new("POST", "/v1/auth/register", "{\"name\":\"abc\",\"password\":\"1\"}", 400, "VALIDATION_FAILED", "password"),
        new("POST", "/v1/auth/register", "{}", 400, "VALIDATION_FAILED", "name"),
        new("POST", "/v1/auth/login", "{\"name\":\"' OR 1=1 --\",\"password\":\"' OR 1=1 --\"}", 401, "FEED_BAD_CREDENTIALS"),
        // partial updates
        new("PATCH", "/v1/feed/posts/1", "[]", 400, "VALIDATION_FAILED"),
        new("PATCH", "/v1/feed/posts/1", "{}", 400, "VALIDATION_FAILED", "updateMask"),
        new("PATCH", "/v1/feed/posts/1", "{\"title\":7}", 400, "VALIDATION_FAILED", "title"),
        new("PATCH", "/v1/feed/posts/1", "{\"title\":\"a\"}", 404, "FEED_POST_NOT_FOUND"),
        new("PATCH", "/v1/feed/posts/<mine>", "{\"uid\":\"1\"}", 400, "VALIDATION_FAILED", "updateMask"),
        new("PATCH", "/v1/feed/posts/<mine>", "{\"title\":null}", 400, "VALIDATION_FAILED", "title"),
        new("PATCH", "/v1/mall/products/1", "{\"title\":\"a\"}", 400, "VALIDATION_FAILED", "version"),
        new("PATCH", "/v1/feed/posts/<mine>", $"{{\"{new string('é', 30_000)}\":1}}", 400, "VALIDATION_FAILED"),
        new("PATCH", "/v1/feed/posts/<mine>", "{\"\\ud800\":1}", 400, "VALIDATION_FAILED"),
        // ids
        new("GET", "/v1/feed/posts/0", null, 400, "VALIDATION_FAILED", "id"),
        new("GET", "/v1/feed/posts/-1", null, 400, "VALIDATION_FAILED", "id"),
        new("GET", "/v1/feed/posts/+1", null, 400, "VALIDATION_FAILED", "id"),
        new("GET", "/v1/feed/posts/01", null, 400, "VALIDATION_FAILED", "id"),
        new("GET", "/v1/feed/posts/1.0", null, 400, "VALIDATION_FAILED", "id"),
        new("GET", "/v1/feed/posts/abc", null, 400, "VALIDATION_FAILED", "id"),
        new("GET", "/v1/feed/posts/1%27%20OR%201=1", null, 400, "VALIDATION_FAILED", "id"),
        new("GET", "/v1/feed/posts/9223372036854775808", null, 400, "VALIDATION_FAILED", "id"),
        new("GET", "/v1/feed/posts/99999999999999999999999", null, 400, "VALIDATION_FAILED", "id"),
        new("GET", "/v1/feed/posts/9223372036854775807", null, 404, "FEED_POST_NOT_FOUND"),
        new("GET", "/v1/mall/products/1", null, 404, "MALL_PRODUCT_NOT_FOUND"),
        new("GET", "/v1/mall/shops/1/products", null, 404, "MALL_SHOP_NOT_FOUND"),
        new("GET", "/v1/mall/collections/1", null, 404, "MALL_COLLECTION_NOT_FOUND"),
        new("POST", "/v1/mall/products", "{\"shopId\":\"1\\u0000\",\"title\":\"a\",\"price\":{\"amount\":1,\"currency\":\"EUR\"}}", 400, "VALIDATION_FAILED", "shopId"),
        // lists
        new("GET", "/v1/feed/posts?limit=0", null, 400, "VALIDATION_FAILED", "limit"),
        new("GET", "/v1/feed/posts?limit=-5", null, 400, "VALIDATION_FAILED", "limit"),
        new("GET", "/v1/feed/posts?limit=101", null, 400, "VALIDATION_FAILED", "limit"),
        new("GET", "/v1/feed/posts?limit=99999999999", null, 400, "VALIDATION_FAILED", "limit"),
        new("GET", "/v1/feed/posts?limit=1&limit=2", null, 400, "VALIDATION_FAILED", "limit"),
        new("GET", "/v1/feed/posts?sort=random()", null, 400, "VALIDATION_FAILED", "sort"),
        new("GET", "/v1/feed/posts?cursor=%27;DROP", null, 400, "VALIDATION_FAILED", "cursor"),
        new("GET", "/v1/feed/posts?cursor=////", null, 400, "VALIDATION_FAILED", "cursor"),
        new("GET", "/v1/feed/posts?cursor=AAAA", null, 400, "VALIDATION_FAILED", "cursor"),
        new("GET", "/v1/feed/posts?cursor=CAEYAQ&sort=hot", null, 400, "VALIDATION_FAILED", "cursor"),
        new("GET", "/v1/feed/posts?type=poem", null, 400, "VALIDATION_FAILED", "type"),
        new("GET", "/v1/feed/posts?uid=me", null, 400, "VALIDATION_FAILED", "uid"),
        new("GET", "/v1/feed/cards?ids=", null, 400, "VALIDATION_FAILED", "ids"),
        new("GET", "/v1/feed/cards?ids=1,,2", null, 400, "VALIDATION_FAILED", "ids"),
        new("GET", "/v1/feed/cards?ids=1,x", null, 400, "VALIDATION_FAILED", "ids"),
        new("GET", "/v1/mall/shops?sort=hot", null, 400, "VALIDATION_FAILED", "sort"),
        new("GET", "/v1/mall/collections/cards", null, 400, "VALIDATION_FAILED", "ids"),
        // routes, methods, types
        new("GET", "/v1/nothing", null, 404, "ROUTE_NOT_FOUND"),
        new("GET", "/../../etc/passwd", null, 404, "ROUTE_NOT_FOUND"),
        new("GET", "/swagger/..%2f..%2fbff.json", null, 404, "ROUTE_NOT_FOUND"),
        new("DELETE", "/v1/feed/posts", null, 405, "METHOD_NOT_ALLOWED"),
        new("POST", "/v1/feed/posts", "title=a", 415, "UNSUPPORTED_MEDIA_TYPE", ContentType: "application/x-www-form-urlencoded"),
        new("POST", "/v1/feed/posts", "<a/>", 415, "UNSUPPORTED_MEDIA_TYPE", ContentType: "text/xml"),
        new("PATCH", "/v1/feed/posts/1", "a", 415, "UNSUPPORTED_MEDIA_TYPE", ContentType: "text/plain"),
        new("POST", "/v1/feed/posts", new string(' ', 70_000) + "{}", 413, "BODY_TOO_LARGE"),
        new("PATCH", "/v1/feed/posts/1", new string(' ', 70_000) + "{}", 413, "BODY_TOO_LARGE"),
        new("POST", "/v1/feed/posts", "{\"title\":\"a\"}", 415, "UNSUPPORTED_MEDIA_TYPE", ContentType: "application/json; charset=bogus"),
        // identities
        new("POST", "/v1/feed/posts", "{\"title\":\"a\"}", 401, "UNAUTHENTICATED", Authorization: null),
        new("PUT", "/v1/feed/posts/1/like", null, 401, "UNAUTHENTICATED", Authorization: null),
        new("GET", "/v1/feed/posts", null, 401, "UNAUTHENTICATED", Authorization: "Bearer nonsense"),
        new("GET", "/v1/feed/posts", null, 401, "UNAUTHENTICATED", Authorization: "Bearer "),
        new("GET", "/v1/feed/posts", null, 401, "UNAUTHENTICATED", Authorization: "Basic YTpi"),
        new("GET", "/v1/feed/posts", null, 401, "UNAUTHENTICATED", Authorization: "Bearer " + new string('A', 4000)),
        new("GET", "/v1/feed/posts", null, 401, "UNAUTHENTICATED", Authorization: "Bearer ../../etc/passwd"),
    ];

    [Fact]
    public async Task Every_bad_request_gets_its_4xx_with_a_reason_and_nothing_of_our_inside()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        var story = new Story(host.Http);
        await story.WalkAsync(cancel);
        var mine = (string)(await story.SendAsync(HttpMethod.Post, "/v1/feed/posts", new { title = "mine" }, cancel)).Body["data"]!["id"]!;

        var wrong = new List<string>();
        foreach (var row in Rows)
        {
            using var request = new HttpRequestMessage(new HttpMethod(row.Method), row.Path.Replace("<mine>", mine, StringComparison.Ordinal));
            if (row.Body is not null) request.Content = Body(Encoding.UTF8.GetBytes(row.Body), row.ContentType);
            if (row.Authorization is not null)
                request.Headers.TryAddWithoutValidation("Authorization", row.Authorization == Token ? $"Bearer {story.Token}" : row.Authorization);
            using var response = await host.Http.SendAsync(request, cancel);
            if (await ComplaintAsync(row, response, cancel) is { } complaint) wrong.Add(complaint);
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Bytes_that_are_no_UTF_8_are_refused()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        using var response = await host.Http.PostAsync("/v1/auth/login", Body([.. "{\"name\":\""u8, 0xC3, 0x28, .. "\",\"password\":\"x\"}"u8], "application/json"), cancel);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("VALIDATION_FAILED", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync(cancel))!["reason"]);
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task Claims_about_oneself_in_our_own_headers_are_not_believed()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/feed/posts/1/like");
        request.Headers.Add("x-md-global-uid", "1");
        request.Headers.Add("x1-mio-user", "1");
        using var response = await host.Http.SendAsync(request, cancel);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("Bearer", response.Headers.WwwAuthenticate.ToString());
    }

    [Fact]
    public async Task Texts_that_look_like_SQL_or_markup_are_kept_as_they_are()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var host = await FeedMallHost.StartAsync(folder.Path);
        var story = new Story(host.Http);
        await story.WalkAsync(cancel);
        foreach (var title in new[] { "'; DROP TABLE posts; --", "<script>alert(1)</script>", "%' OR '1'='1", "\\'\"\\\\", "@id $1 :x ?", "🦊\u200d\ufe0f", "\u202Etxet" })
        {
            var (status, created) = await story.SendAsync(HttpMethod.Post, "/v1/feed/posts", new { title, content = title, tags = new[] { "a'b" } }, cancel);
            Assert.Equal(HttpStatusCode.Created, status);
            var read = await story.GetAsync($"/v1/feed/posts/{(string)created["data"]!["id"]!}", cancel);
            Assert.Equal(title, (string?)read["title"]);
            Assert.Equal(title, (string?)read["content"]);
            Assert.Equal("a'b", (string?)read["tags"]![0]);
        }
        host.Logs.AssertNoErrors();
    }

    private static ByteArrayContent Body(byte[] bytes, string contentType)
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        return content;
    }

    private static async Task<string?> ComplaintAsync(Row row, HttpResponseMessage response, CancellationToken cancel)
    {
        var body = await response.Content.ReadAsStringAsync(cancel);
        var name = $"{row.Method} {row.Path} {row.Body?[..Math.Min(row.Body.Length, 60)]} [{row.Authorization}]";
        if ((int)response.StatusCode != row.Status) return $"{name}: {(int)response.StatusCode} instead of {row.Status}: {body}";
        if (response.Content.Headers.ContentType?.MediaType != "application/json") return $"{name}: no JSON: {body}";
        var failure = JsonNode.Parse(body)!;
        if ((string?)failure["reason"] != row.Reason) return $"{name}: reason {failure["reason"]} instead of {row.Reason}";
        if ((int?)failure["code"] != row.Status) return $"{name}: code {failure["code"]}";
        if (row.Field is not null && failure["metadata"]![row.Field] is null) return $"{name}: no metadata for {row.Field}: {body}";
        if (((string?)failure["traceId"])?.Length != 32) return $"{name}: no trace id";
        foreach (var inside in new[] { "   at ", "Exception", "System.", "FeedMall.Bff", "Npgsql", "SQLite" })
        {
            if (body.Contains(inside, StringComparison.Ordinal)) return $"{name}: shows '{inside}': {body}";
        }
        return null;
    }

    private sealed record Row(
        string Method, string Path, string? Body, int Status, string Reason, string? Field = null, string ContentType = "application/json",
        string? Authorization = Token);
}
