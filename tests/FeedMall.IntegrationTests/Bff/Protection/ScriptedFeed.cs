using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Server;
using FeedMall.ServiceDefaults;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>One more instance of Domain.Feed, whose posts are what a test says.</summary>
internal sealed class ScriptedFeed : IAsyncDisposable
{
    private WebApplication _app = null!;
    private int _calls;

    /// <summary>What GetPost does.</summary>
    public Func<GetPostRequest, ServerCallContext, Task<GetPostResponse>> GetPost { get; set; } = (request, _) => Task.FromResult(ProtectedBff.Post(request.Id));

    public Uri Address => _app.Address();

    /// <summary>Calls of GetPost so far.</summary>
    public int Calls => Volatile.Read(ref _calls);

    public static async Task<ScriptedFeed> StartAsync()
    {
        var builder = ServiceHost.CreateBuilder("Feed", HttpProtocols.Http2, ["--Feed:Url=http://127.0.0.1:0", "--Feed:GovernorUrl=", "--Log:Format=text", "--Logging:LogLevel:Default=Warning"]);
        builder.Services.AddGrpc();
        var feed = new ScriptedFeed();
        builder.Services.AddSingleton(feed);
        feed._app = builder.Build();
        feed._app.MapGrpcService<ScriptedPosts>();
        await feed._app.StartServiceAsync();
        return feed;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private sealed class ScriptedPosts(ScriptedFeed feed) : Posts.PostsBase
    {
        public override Task<GetPostResponse> GetPost(GetPostRequest request, ServerCallContext context)
        {
            Interlocked.Increment(ref feed._calls);
            return feed.GetPost(request, context);
        }
    }
}
