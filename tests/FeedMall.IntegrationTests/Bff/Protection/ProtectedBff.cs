using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Server;
using FeedMall.ServiceDefaults;
using FeedMall.Testing;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>The real Bff and its governor over real HTTP, in front of domain services that do what a test says.</summary>
internal sealed class ProtectedBff : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private WebApplication _services = null!;
    private FeedMallHost _host = null!;

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>What GetPost does.</summary>
    public Func<GetPostRequest, ServerCallContext, Task<GetPostResponse>> GetPost { get; set; } = (request, _) => Task.FromResult(Post(request.Id));

    /// <summary>What GetProduct does.</summary>
    public Func<GetProductRequest, ServerCallContext, Task<GetProductResponse>> GetProduct { get; set; } =
        (request, _) => Task.FromResult(new GetProductResponse { Product = new Product { Id = request.Id } });

    /// <summary>What ListPosts does.</summary>
    public Func<ListPostsRequest, ServerCallContext, Task<ListPostsResponse>> ListPosts { get; set; } = (_, _) => Task.FromResult(new ListPostsResponse());

    /// <summary>What GetCollection does.</summary>
    public Func<GetCollectionRequest, ServerCallContext, Task<GetCollectionResponse>> GetCollection { get; set; } =
        (request, _) => Task.FromResult(new GetCollectionResponse { Collection = new Collection { Id = request.Id } });

    /// <summary>What ListCollectionCards does.</summary>
    public Func<ListCollectionCardsRequest, ServerCallContext, Task<ListCollectionCardsResponse>> ListCollectionCards { get; set; } =
        (_, _) => Task.FromResult(new ListCollectionCardsResponse());

    /// <summary>What AddLike does.</summary>
    public Func<AddLikeRequest, ServerCallContext, Task<AddLikeResponse>> AddLike { get; set; } = (_, _) => Task.FromResult(new AddLikeResponse { LikeCount = 1 });

    /// <summary>What Register does, which may not be done twice.</summary>
    public Func<RegisterRequest, ServerCallContext, Task<RegisterResponse>> Register { get; set; } =
        (request, _) => Task.FromResult(new RegisterResponse { User = new User { Id = 7, Name = request.Name } });

    public HttpClient Http => _host.Http;

    public HttpClient Governor { get; } = new();

    public IServiceProvider Services => _host.Bff.Services;

    public LogCapture Logs => _host.Logs;

    /// <summary>What the governor wants to see.</summary>
    public string Key => File.ReadAllText(Path.Combine(_folder.Path, "governor.key")).Trim();

    public static async Task<ProtectedBff> StartAsync(params string[] settings)
    {
        var bff = new ProtectedBff();
        var builder = ServiceHost.CreateBuilder("Feed", HttpProtocols.Http2, ["--Feed:Url=http://127.0.0.1:0", "--Feed:GovernorUrl=", "--Log:Format=text"]);
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(bff);
        bff._services = builder.Build();
        bff._services.MapGrpcService<ScriptedPosts>();
        bff._services.MapGrpcService<ScriptedProducts>();
        bff._services.MapGrpcService<ScriptedCollections>();
        bff._services.MapGrpcService<ScriptedUsers>();
        bff._services.MapGrpcService<ScriptedLikes>();
        await bff._services.StartServiceAsync();
        var address = bff._services.Address();
        try
        {
            bff._host = await FeedMallHost.StartBffAsync(bff._folder.Path, address, address,
                ["--Bff:GovernorUrl=http://127.0.0.1:0", "--Protection:Admission:DryRun=false", "--Logging:LogLevel:FeedMall=Information",
                // So that each request goes the whole way, unless a test says otherwise.
                "--Protection:Cache:Enabled=false", "--Protection:Quota:Enabled=false", "--Protection:Degrade:RenewInterval=00:00:00", .. settings]);
        }
        catch
        {
            await bff.DisposeAsync();
            throw;
        }
        bff.Governor.BaseAddress = bff._host.Bff.GovernorAddress();
        return bff;
    }

    public static GetPostResponse Post(long id) => new() { Post = new Post { Id = id, Title = "a post", Author = new PostAuthor { Name = "ada" } } };

    /// <summary>From now on GetPost answers each call, and counts it.</summary>
    public Func<int> CountPosts()
    {
        var calls = 0;
        GetPost = (request, _) =>
        {
            Interlocked.Increment(ref calls);
            return Task.FromResult(Post(request.Id));
        };
        return () => Volatile.Read(ref calls);
    }

    /// <summary>A header with the token of this user.</summary>
    public async Task<(string, string)> LogInAsync(long uid)
    {
        using var response = await Http.PostAsJsonAsync("/v1/auth/login", new { name = uid.ToString(System.Globalization.CultureInfo.InvariantCulture), password = "a-long-password" }, Cancel);
        return ("Authorization", "Bearer " + (string)JsonNode.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync(Cancel))!["data"]!["token"]!);
    }

    /// <summary>A failure of a domain service.</summary>
    public static ServiceException Broken() => new(StatusCode.Unavailable, Reasons.UpstreamError, "broken");

    public static Post NewPost(long id, PostType type = PostType.Text) => new() { Id = id, Type = type, Title = "a post", Author = new PostAuthor { Name = "ada" } };

    /// <summary>Changes settings by the governor.</summary>
    public async Task SetAsync(string change) => Assert.Equal(HttpStatusCode.OK, (await ChangeAsync(change, Key)).Status);

    /// <summary>Asks until the answer is the wanted one.</summary>
    public async Task<Answer> UntilAsync(string path, Predicate<Answer> wanted, params (string, string)[] headers)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            var answer = await GetAsync(path, headers);
            if (wanted(answer)) return answer;
            Assert.False(patience.IsCancellationRequested, $"{answer.Status} {answer.Body?.ToJsonString()}");
        }
    }

    /// <summary>Waits until what stands in for lists was read: posts 7, 8 and 9, which is a video, and collection 3.</summary>
    public async Task WarmUpAsync()
    {
        ListPosts = (_, _) => Task.FromResult(new ListPostsResponse { Posts = { NewPost(7), NewPost(8), NewPost(9, PostType.Video) } });
        ListCollectionCards = (_, _) => Task.FromResult(new ListCollectionCardsResponse { Cards = { new CollectionCard { Id = 3, Title = "a collection" } } });
        await SetAsync("""{"Degrade":{"RenewInterval":"00:10:00"}}""");
        while ((await ProtectionAsync())["mechanisms"]!["degrade"]!["standIns"] is not { } kept || kept["newestCollections"] is null || kept["popularPosts"] is null) await Task.Yield();
    }

    public async Task<int> StatusAsync(HttpMethod method, string path, params (string Name, string Value)[] headers) =>
        (await SendAsync(new HttpRequestMessage(method, path), headers)).Status;

    public Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync(new HttpRequestMessage(HttpMethod.Get, path), headers);

    public Task<Answer> RegisterAsync() => SendAsync(
        new HttpRequestMessage(HttpMethod.Post, "/v1/auth/register") { Content = new StringContent("""{"name":"ada","password":"password"}""", null, "application/json") });

    public async Task<Answer> SendAsync(HttpRequestMessage message, params (string Name, string Value)[] headers)
    {
        using var request = message;
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await Http.SendAsync(request, Cancel);
        return await Answer.ReadAsync(response);
    }

    /// <summary>The governor's page as JSON.</summary>
    public async Task<JsonNode> ProtectionAsync() => JsonNode.Parse(await Governor.GetStringAsync("/governor/protection", Cancel))!;

    public async Task<(HttpStatusCode Status, JsonNode Body)> ChangeAsync(string change, string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/governor/protection") { Content = new StringContent(change) };
        if (key is not null) request.Headers.Add("X-Api-Key", key);
        using var response = await Governor.SendAsync(request, Cancel);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!);
    }

    /// <summary>How often the metric of decisions counted this.</summary>
    public async Task<long> DecisionsAsync(string mechanism, string route, string reason, string effect)
    {
        var page = await Governor.GetStringAsync("/metrics", Cancel);
        var lines = page.Split('\n').Where(line => line.StartsWith("feedmall_bff_decisions", StringComparison.Ordinal)
            && new[] { $"mechanism=\"{mechanism}\"", $"route=\"{route}\"", $"reason=\"{reason}\"", $"effect=\"{effect}\"" }.All(label => line.Contains(label, StringComparison.Ordinal)));
        return lines.Sum(line => (long)double.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>Waits until the common store answers.</summary>
    public async Task UntilConnectedAsync()
    {
        while (!(await Governor.GetStringAsync("/metrics", Cancel)).Split('\n').Any(line => line.StartsWith("feedmall_cache_connected", StringComparison.Ordinal) && line.EndsWith(" 1", StringComparison.Ordinal)))
            await Task.Yield();
    }

    public async ValueTask DisposeAsync()
    {
        Governor.Dispose();
        if (_host is not null) await _host.DisposeAsync();
        await _services.DisposeAsync();
        _folder.Dispose();
    }

    internal sealed record Answer(int Status, string? Reason, string? Decision, TimeSpan? RetryAfter, IReadOnlyDictionary<string, string> Headers, JsonNode? Body)
    {
        public string? Degraded => Headers.GetValueOrDefault("X-FeedMall-Degraded");

        /// <summary>Of the decisions, what was answered in place of a failure.</summary>
        public string? Degrading => Decision?.Split(", ").SingleOrDefault(part => part.StartsWith("degrade;", StringComparison.Ordinal));

        public static async Task<Answer> ReadAsync(HttpResponseMessage response)
        {
            var text = await response.Content.ReadAsStringAsync(Cancel);
            var body = text.Length > 0 ? JsonNode.Parse(text) : null;
            var headers = response.Headers.ToDictionary(header => header.Key, header => string.Join(", ", header.Value));
            return new Answer((int)response.StatusCode, (string?)body?["reason"], headers.GetValueOrDefault("X-FeedMall-Decision"), response.Headers.RetryAfter?.Delta, headers, body);
        }
    }

    private sealed class ScriptedPosts(ProtectedBff bff) : Posts.PostsBase
    {
        public override Task<GetPostResponse> GetPost(GetPostRequest request, ServerCallContext context) => bff.GetPost(request, context);

        public override Task<ListPostsResponse> ListPosts(ListPostsRequest request, ServerCallContext context) => bff.ListPosts(request, context);

        public override Task<DeletePostResponse> DeletePost(DeletePostRequest request, ServerCallContext context) => Task.FromResult(new DeletePostResponse());
    }

    private sealed class ScriptedCollections(ProtectedBff bff) : Collections.CollectionsBase
    {
        public override Task<GetCollectionResponse> GetCollection(GetCollectionRequest request, ServerCallContext context) => bff.GetCollection(request, context);

        public override Task<ListCollectionCardsResponse> ListCollectionCards(ListCollectionCardsRequest request, ServerCallContext context) =>
            bff.ListCollectionCards(request, context);
    }

    private sealed class ScriptedLikes(ProtectedBff bff) : Likes.LikesBase
    {
        public override Task<AddLikeResponse> AddLike(AddLikeRequest request, ServerCallContext context) => bff.AddLike(request, context);
    }

    private sealed class ScriptedProducts(ProtectedBff bff) : Products.ProductsBase
    {
        public override Task<GetProductResponse> GetProduct(GetProductRequest request, ServerCallContext context) => bff.GetProduct(request, context);
    }

    private sealed class ScriptedUsers(ProtectedBff bff) : Users.UsersBase
    {
        // Everybody is who he says.
        public override Task<LogInResponse> LogIn(LogInRequest request, ServerCallContext context) =>
            Task.FromResult(new LogInResponse { User = new User { Id = long.Parse(request.Name, System.Globalization.CultureInfo.InvariantCulture), Name = request.Name } });

        public override Task<RegisterResponse> Register(RegisterRequest request, ServerCallContext context) => bff.Register(request, context);
    }
}
