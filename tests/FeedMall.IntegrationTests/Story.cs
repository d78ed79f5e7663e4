using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace FeedMall.IntegrationTests;

/// <summary>
/// The main job as a client sees it, over nothing but HTTP: a person registers, posts, likes, opens a shop and looks at the home page.
/// Each step asserts what came back; <see cref="ReadAgainAsync"/> asserts the same after a restart.
/// </summary>
internal sealed class Story(HttpClient http)
{
    private const string Password = "correct horse battery staple";

    private HttpClient _http = http;
    private readonly string _name = "story-" + Guid.NewGuid().ToString("N")[..12];
    private JsonNode _post = new JsonObject();
    private string _uid = "", _shopId = "", _productId = "", _collectionId = "";

    public string Token { get; private set; } = "";

    /// <summary>The same story, told to a server that was started again elsewhere.</summary>
    public Story With(HttpClient another)
    {
        _http = another;
        return this;
    }

    public async Task WalkAsync(CancellationToken cancel)
    {
        await RegisterAndLogInAsync(cancel);
        await WriteAndReadAPostAsync(cancel);
        await LikeItAsync(cancel);
        await PageThroughTheFeedWhilePostsAreAddedAsync(cancel);
        await OpenAShopAsync(cancel);
        await LookAtTheHomePageAsync(cancel);
    }

    public async Task ReadAgainAsync(CancellationToken cancel)
    {
        var post = await GetAsync($"/v1/feed/posts/{Id(_post)}", cancel);
        Assert.Equal(_post.ToJsonString(), post.ToJsonString());
        Assert.Equal("Walnut shelf", (string?)(await GetAsync($"/v1/mall/products/{_productId}", cancel))["title"]);
        Assert.Equal("published", (string?)(await GetAsync($"/v1/mall/collections/{_collectionId}", cancel))["state"]);
        Assert.Equal(_shopId, Id(await GetAsync($"/v1/mall/shops/{_shopId}", cancel)));

        // The token still opens the door, and so does the password.
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Put, $"/v1/feed/posts/{Id(_post)}/like", null, cancel)).Status);
        await LogInAsync(cancel);
    }

    private async Task RegisterAndLogInAsync(CancellationToken cancel)
    {
        var (status, registered) = await SendAsync(HttpMethod.Post, "/v1/auth/register", new { name = _name, password = Password }, cancel);
        Assert.Equal(HttpStatusCode.Created, status);
        Assert.Equal(0, (int?)registered["code"]);
        _uid = (string)registered["data"]!["uid"]!;

        var (again, refusal) = await SendAsync(HttpMethod.Post, "/v1/auth/register", new { name = _name, password = Password }, cancel);
        Assert.Equal(HttpStatusCode.Conflict, again);
        Assert.Equal("FEED_USER_NAME_TAKEN", (string?)refusal["reason"]);

        var (wrong, _) = await SendAsync(HttpMethod.Post, "/v1/auth/login", new { name = _name, password = "not the password" }, cancel);
        Assert.Equal(HttpStatusCode.Unauthorized, wrong);
        await LogInAsync(cancel);
    }

    private async Task LogInAsync(CancellationToken cancel)
    {
        var (status, answer) = await SendAsync(HttpMethod.Post, "/v1/auth/login", new { name = _name, password = Password }, cancel);
        Assert.Equal(HttpStatusCode.OK, status);
        Token = (string)answer["data"]!["token"]!;
    }

    private async Task WriteAndReadAPostAsync(CancellationToken cancel)
    {
        var sent = new
        {
            title = "A month of baking sourdough rye",
            content = "It took four weeks.\nZażółć gęślą jaźń, 日本語, 😈 & <b>not markup</b>.",
            type = "video",
            tags = new[] { "baking", "kitchen" },
            cover = new { url = "https://img.feedmall.example/cover.jpg", width = 1200, height = 800 },
            images = new[] { new { url = "https://img.feedmall.example/1.jpg", width = 600, height = 400 } },
            video = new { url = "https://video.feedmall.example/1.mp4", durationSeconds = 42, width = 1920, height = 1080 },
        };
        var (status, created) = await SendAsync(HttpMethod.Post, "/v1/feed/posts", sent, cancel);
        Assert.Equal(HttpStatusCode.Created, status);

        _post = await GetAsync($"/v1/feed/posts/{Id(created["data"]!)}", cancel);
        Assert.Equal(sent.title, (string?)_post["title"]);
        Assert.Equal(sent.content, (string?)_post["content"]);
        Assert.Equal(sent.type, (string?)_post["type"]);
        Assert.Equal(sent.tags, _post["tags"]!.AsArray().Select(tag => (string)tag!));
        Assert.Equal(sent.cover.url, (string?)_post["cover"]!["url"]);
        Assert.Equal(sent.images[0].width, (int?)_post["images"]![0]!["width"]);
        Assert.Equal(sent.video.durationSeconds, (int?)_post["video"]!["durationSeconds"]);
        Assert.Equal(_uid, (string?)_post["uid"]);
        Assert.Equal(_name, (string?)_post["author"]!["name"]);
        Assert.Equal(0, (int?)_post["likeCount"]);
        Assert.True(DateTimeOffset.TryParse((string?)_post["createdAt"], CultureInfo.InvariantCulture, out _));

        var (patched, _) = await SendAsync(HttpMethod.Patch, $"/v1/feed/posts/{Id(_post)}", new { title = "Two months of baking" }, cancel);
        Assert.Equal(HttpStatusCode.OK, patched);
        _post = await GetAsync($"/v1/feed/posts/{Id(_post)}", cancel);
        Assert.Equal("Two months of baking", (string?)_post["title"]);
        Assert.Equal(sent.content, (string?)_post["content"]);
    }

    private async Task LikeItAsync(CancellationToken cancel)
    {
        var like = $"/v1/feed/posts/{Id(_post)}/like";
        foreach (var (method, expected) in new[] { (HttpMethod.Put, 1), (HttpMethod.Put, 1), (HttpMethod.Delete, 0), (HttpMethod.Delete, 0) })
        {
            var (status, answer) = await SendAsync(method, like, null, cancel);
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Equal(expected, (int?)answer["data"]!["likeCount"]);
        }
        // Ends liked or not: the count was taken back, so the post reads as before.
        Assert.Equal(_post.ToJsonString(), (await GetAsync($"/v1/feed/posts/{Id(_post)}", cancel)).ToJsonString());
    }

    private async Task PageThroughTheFeedWhilePostsAreAddedAsync(CancellationToken cancel)
    {
        var mine = new List<string>();
        for (var i = 0; i < 25; i++) mine.Add(await PostAsync($"Before {i}", cancel));

        var seen = new List<string>();
        var cursor = "";
        for (var page = 0; page < 1000; page++)
        {
            var data = await GetAsync($"/v1/feed/posts?limit=4&sort=newest{cursor}", cancel);
            seen.AddRange(data["items"]!.AsArray().Select(item => Id(item!)));
            await PostAsync($"Meanwhile {page}", cancel);
            if ((string?)data["nextCursor"] is not { } next || mine.TrueForAll(seen.Contains)) break;
            cursor = $"&cursor={Uri.EscapeDataString(next)}";
        }
        Assert.Equal(seen.Count, seen.Distinct().Count());
        mine.Reverse();
        Assert.Equal(mine, seen.Where(mine.Contains));
        Assert.DoesNotContain(seen, id => id.CompareTo(mine[0]) > 0 && id.Length == mine[0].Length);

        var cards = await GetAsync($"/v1/feed/cards?ids={mine[3]},{mine[1]}", cancel);
        Assert.Equal([mine[3], mine[1]], cards["items"]!.AsArray().Select(card => Id(card!)));
        var videos = await GetAsync("/v1/feed/videos?limit=100", cancel);
        Assert.Contains(videos["items"]!.AsArray(), video => Id(video!) == Id(_post));
        Assert.All(videos["items"]!.AsArray(), video => Assert.NotNull(video!["video"]));
    }

    private async Task<string> PostAsync(string title, CancellationToken cancel)
    {
        var (status, created) = await SendAsync(HttpMethod.Post, "/v1/feed/posts", new { title, content = "", type = "text" }, cancel);
        Assert.Equal(HttpStatusCode.Created, status);
        return Id(created["data"]!);
    }

    private async Task OpenAShopAsync(CancellationToken cancel)
    {
        var (shopStatus, shop) = await SendAsync(HttpMethod.Post, "/v1/mall/shops", new { name = "Werkbank", description = "Tools." }, cancel);
        Assert.Equal(HttpStatusCode.Created, shopStatus);
        _shopId = Id(shop["data"]!);

        var (productStatus, product) = await SendAsync(HttpMethod.Post, "/v1/mall/products",
            new { shopId = _shopId, title = "Oak shelf", description = "", price = new { amount = 4900, currency = "EUR" } }, cancel);
        Assert.Equal(HttpStatusCode.Created, productStatus);
        _productId = Id(product["data"]!);
        Assert.Equal(HttpStatusCode.OK,
            (await SendAsync(HttpMethod.Patch, $"/v1/mall/products/{_productId}", new { version = 1, title = "Walnut shelf" }, cancel)).Status);
        var (stale, conflict) = await SendAsync(HttpMethod.Patch, $"/v1/mall/products/{_productId}", new { version = 1, title = "Pine shelf" }, cancel);
        Assert.Equal(HttpStatusCode.Conflict, stale);
        Assert.Equal("MALL_VERSION_CONFLICT", (string?)conflict["reason"]);

        var (collectionStatus, collection) = await SendAsync(HttpMethod.Post, "/v1/mall/collections", new
        {
            shopId = _shopId,
            title = "Starter set",
            description = "",
            skus = new[]
            {
                new { productId = _productId, name = "large", price = new { amount = 5900, currency = "EUR" }, stock = 3 },
                new { productId = _productId, name = "small", price = new { amount = 4900, currency = "EUR" }, stock = 7 },
            },
        }, cancel);
        Assert.Equal(HttpStatusCode.Created, collectionStatus);
        _collectionId = Id(collection["data"]!);
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync(HttpMethod.Get, $"/v1/mall/collections/{_collectionId}/card", null, cancel)).Status);
        Assert.Equal(HttpStatusCode.OK,
            (await SendAsync(HttpMethod.Put, $"/v1/mall/collections/{_collectionId}/state", new { state = "published" }, cancel)).Status);

        var card = await GetAsync($"/v1/mall/collections/{_collectionId}/card", cancel);
        Assert.Equal(4900, (long?)card["priceFrom"]!["amount"]);
        var ofShop = await GetAsync($"/v1/mall/shops/{_shopId}/collections", cancel);
        Assert.Equal(_collectionId, Id(Assert.Single(ofShop["items"]!.AsArray())!));
        var products = await GetAsync($"/v1/mall/shops/{_shopId}/products", cancel);
        Assert.Equal("Walnut shelf", (string?)Assert.Single(products["items"]!.AsArray())!["title"]);
    }

    private async Task LookAtTheHomePageAsync(CancellationToken cancel)
    {
        var home = await GetAsync("/v1/pages/home", cancel);
        Assert.Empty(home["degraded"]!.AsArray());
        Assert.NotEmpty(home["feed"]!["items"]!.AsArray());
        Assert.Contains(home["mall"]!["items"]!.AsArray(), card => Id(card!) == _collectionId);
    }

    /// <summary>The data of a GET that must answer 200.</summary>
    public async Task<JsonNode> GetAsync(string path, CancellationToken cancel)
    {
        var (status, answer) = await SendAsync(HttpMethod.Get, path, null, cancel);
        Assert.True(status == HttpStatusCode.OK, $"GET {path} answered {(int)status}: {answer.ToJsonString()}");
        Assert.Equal("success", (string?)answer["message"]);
        return answer["data"]!;
    }

    public async Task<(HttpStatusCode Status, JsonNode Body)> SendAsync(HttpMethod method, string path, object? body, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null) request.Content = JsonContent.Create(body);
        if (Token.Length > 0) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        using var response = await _http.SendAsync(request, cancel);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(cancel))!);
    }

    private static string Id(JsonNode node) => (string)node["id"]!;
}
