using Dapper;
using FeedMall.Domain.Feed;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Client;
using FeedMall.Rpc.Errors;
using FeedMall.ServiceDefaults;
using FeedMall.ServiceDefaults.Database;
using FeedMall.Tests.Rpc;
using Google.Rpc;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FeedMall.Tests.Domain.Feed;

/// <summary>The whole feed service on a free loopback port with a database of its own, typed clients for it, and what it logged.</summary>
internal sealed class FeedHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ServiceProvider _clients;

    private FeedHost(WebApplication app, ServiceProvider clients, LogRecorder logs) => (_app, _clients, Logs) = (app, clients, logs);

    public Users.UsersClient Users => _clients.GetRequiredService<Users.UsersClient>();

    public Posts.PostsClient Posts => _clients.GetRequiredService<Posts.PostsClient>();

    public Likes.LikesClient Likes => _clients.GetRequiredService<Likes.LikesClient>();

    public Health.HealthClient Health => _clients.GetRequiredService<Health.HealthClient>();

    public IServiceProvider Services => _app.Services;

    public ServiceDatabase Database => Services.GetRequiredService<ServiceDatabase>();

    public LogRecorder Logs { get; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <param name="database">A SQLite file in <paramref name="folder"/>, or a PostgreSQL connection string.</param>
    /// <param name="folder">Where the service keeps its files.</param>
    /// <param name="settings">More command-line arguments; without any, the cache is off.</param>
    public static async Task<FeedHost> StartAsync(string database, string folder, params string[] settings)
    {
        var app = FeedApp.Build(
            [$"--Feed:Database={database}", $"--DataDirectory={folder}", "--Feed:Url=http://127.0.0.1:0", "--Feed:GovernorUrl=",
             "--Logging:Console:LogLevel:Default=None", .. settings.Length > 0 ? settings : ["--Feed:Cache:Enabled=false"]]);
        var logs = new LogRecorder();
        app.Services.GetRequiredService<ILoggerFactory>().AddProvider(logs);
        await app.StartServiceAsync(Token);
        void Configure(IServiceProvider provider, GrpcClientOptions options)
        {
            options.Addresses = [app.Address()];
            (options.DefaultTimeout, options.ConnectTimeout) = (TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(20));
        }
        var clients = new ServiceCollection()
            .AddGrpcClient<Users.UsersClient>(Configure).AddGrpcClient<Posts.PostsClient>(Configure)
            .AddGrpcClient<Likes.LikesClient>(Configure).AddGrpcClient<Health.HealthClient>(Configure).BuildServiceProvider();
        return new FeedHost(app, clients, logs);
    }

    /// <summary>The metadata of a call by this user.</summary>
    public static Metadata As(long uid) => new() { { Caller.UidKey, $"{uid}" } };

    /// <summary>Waits for the refusal of a call, which must have this code and reason.</summary>
    public static async Task<ErrorInfo> RefusedAsync<T>(StatusCode code, string reason, AsyncUnaryCall<T> call)
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
        var info = error.FindErrorInfo();
        Assert.Equal((code, reason), (error.StatusCode, info?.Reason));
        return info!;
    }

    /// <summary>Waits for the refusal of a call because of exactly one field.</summary>
    public static async Task InvalidAsync<T>(string field, AsyncUnaryCall<T> call) =>
        Assert.Equal([field], (await RefusedAsync(StatusCode.InvalidArgument, Reasons.ValidationFailed, call)).Metadata.Keys);

    /// <summary>Puts a user into the database without the time that a password hash takes.</summary>
    public async Task<long> AddUserAsync(string name)
    {
        var store = Services.GetRequiredService<FeedMall.Domain.Feed.Users.UserStore>();
        var id = await Services.GetRequiredService<FeedMall.ServiceDefaults.Ids.IIdSource>().NextAsync(Token);
        Assert.True(await store.TryAddAsync(new(id, name, "no hash", 1), Token));
        return id;
    }

    public async Task<Post> CreatePostAsync(long uid, string title = "A post", PostType type = PostType.Text) =>
        (await Posts.CreatePostAsync(
            new CreatePostRequest
            {
                Title = title,
                Content = "Its content",
                Type = type,
                Video = type == PostType.Video ? new Video { Url = "https://video.example/1" } : null,
            },
            As(uid), cancellationToken: Token)).Post;

    public async Task<Post> GetPostAsync(long id) => (await Posts.GetPostAsync(new GetPostRequest { Id = id }, cancellationToken: Token)).Post;

    public async Task<long> LikeAsync(long postId, long uid) =>
        (await Likes.AddLikeAsync(new AddLikeRequest { PostId = postId }, As(uid), cancellationToken: Token)).LikeCount;

    public async Task<long> CancelLikeAsync(long postId, long uid) =>
        (await Likes.CancelLikeAsync(new CancelLikeRequest { PostId = postId }, As(uid), cancellationToken: Token)).LikeCount;

    /// <summary>The one number that a statement gives.</summary>
    public Task<long> NumberAsync(string sql, object? parameters = null) =>
        Database.ReadAsync(connection => connection.ExecuteScalarAsync<long>(sql, parameters), Token);

    public async ValueTask DisposeAsync()
    {
        await _clients.DisposeAsync();
        await _app.DisposeAsync();
    }
}
