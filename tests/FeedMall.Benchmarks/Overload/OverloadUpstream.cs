using System.Security.Cryptography;
using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Server;
using FeedMall.ServiceDefaults;
using Grpc.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FeedMall.Benchmarks.Overload;

/// <summary>
/// A domain service in a process of its own, whose every answer costs the same definite work: SHA-256 of so many KiB. It protects itself with nothing but what each
/// service has: a call whose deadline has passed is not begun.
/// </summary>
internal static class OverloadUpstream
{
    public static async Task<int> RunAsync(string port, string work)
    {
        var builder = ServiceHost.CreateBuilder("Feed", HttpProtocols.Http2, [$"--Feed:Url=http://127.0.0.1:{port}", "--Feed:GovernorUrl=", "--Logging:LogLevel:Default=Warning"]);
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(Work.Parse(work));
        await using var app = builder.Build();
        app.MapGrpcService<WorkingPosts>();
        await app.StartServiceAsync();
        await app.WaitForShutdownAsync();
        return 0;
    }

    private sealed class WorkingPosts(Work work) : Posts.PostsBase
    {
        private readonly byte[] _block = new byte[1024];

        public override async Task<GetPostResponse> GetPost(GetPostRequest request, ServerCallContext context)
        {
            if (request.Id <= RefusalCost.LastHeldPost) await Task.Delay(Timeout.Infinite, context.CancellationToken);
            await work.WaitAsync(context.CancellationToken);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (var i = 0; i < work.Kilobytes; i++) hash.AppendData(_block);
            return new GetPostResponse
            {
                Post = new Post { Id = request.Id, Uid = 7, Title = "A month of baking sourdough rye", Content = Convert.ToHexString(hash.GetHashAndReset()), Author = new PostAuthor { Uid = 7, Name = "ada" } },
            };
        }
    }
}
