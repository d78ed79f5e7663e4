using System.Net;
using System.Text.Json.Nodes;
using FeedMall.Proto.Feed.V1;
using FeedMall.Proto.Mall.V1;
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
        bff._services.MapGrpcService<ScriptedUsers>();
        await bff._services.StartServiceAsync();
        var address = bff._services.Address();
        bff._host = await FeedMallHost.StartBffAsync(bff._folder.Path, address, address,
            ["--Bff:GovernorUrl=http://127.0.0.1:0", "--Protection:Admission:DryRun=false", "--Bff:RequestTimeout=00:00:05", "--Logging:LogLevel:FeedMall=Information",
            // So that each request goes the whole way, unless a test says otherwise.
            "--Protection:Cache:Enabled=false", "--Protection:Quota:Enabled=false", .. settings]);
        bff.Governor.BaseAddress = bff._host.Bff.GovernorAddress();
        return bff;
    }

    public static GetPostResponse Post(long id) => new() { Post = new Post { Id = id, Title = "a post", Author = new PostAuthor { Name = "ada" } } };

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
        await _host.DisposeAsync();
        await _services.DisposeAsync();
        _folder.Dispose();
    }

    internal sealed record Answer(int Status, string? Reason, string? Decision, TimeSpan? RetryAfter, IReadOnlyDictionary<string, string> Headers)
    {
        public static async Task<Answer> ReadAsync(HttpResponseMessage response)
        {
            var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel));
            var headers = response.Headers.ToDictionary(header => header.Key, header => string.Join(", ", header.Value));
            return new Answer((int)response.StatusCode, (string?)body?["reason"], headers.GetValueOrDefault("X-FeedMall-Decision"), response.Headers.RetryAfter?.Delta, headers);
        }
    }

    private sealed class ScriptedPosts(ProtectedBff bff) : Posts.PostsBase
    {
        public override Task<GetPostResponse> GetPost(GetPostRequest request, ServerCallContext context) => bff.GetPost(request, context);
    }

    private sealed class ScriptedProducts(ProtectedBff bff) : Products.ProductsBase
    {
        public override Task<GetProductResponse> GetProduct(GetProductRequest request, ServerCallContext context) => bff.GetProduct(request, context);
    }

    private sealed class ScriptedUsers(ProtectedBff bff) : Users.UsersBase
    {
        public override Task<RegisterResponse> Register(RegisterRequest request, ServerCallContext context) => bff.Register(request, context);
    }
}
