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
        var ordered = Work.Parse(work);
        using var places = new SemaphoreSlim(Math.Max(1, ordered.Places));
        builder.Services.AddSingleton(ordered).AddSingleton(places);
        await using var app = builder.Build();
        app.MapGrpcService<WorkingPosts>();
        await app.StartServiceAsync();
        await app.WaitForShutdownAsync();
        return 0;
    }

    private sealed class WorkingPosts(Work work, SemaphoreSlim places) : Posts.PostsBase
    {
        private readonly byte[] _block = new byte[1024];

        public override async Task<GetPostResponse> GetPost(GetPostRequest request, ServerCallContext context)
        {
            if (request.Id is RefusalCost.HeldPost or RefusalCost.HeldPost + 1) await Task.Delay(Timeout.Infinite, context.CancellationToken);
            if (work.Places > 0) await WaitAsync(context.CancellationToken);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (var i = 0; i < work.Kilobytes; i++) hash.AppendData(_block);
            return new GetPostResponse
            {
                Post = new Post { Id = request.Id, Uid = 7, Title = "A month of baking sourdough rye", Content = Convert.ToHexString(hash.GetHashAndReset()), Author = new PostAuthor { Uid = 7, Name = "ada" } },
            };
        }

        private async Task WaitAsync(CancellationToken cancel)
        {
            await places.WaitAsync(cancel);
            try
            {
                await Task.Delay(work.Wait, cancel);
            }
            finally
            {
                places.Release();
            }
        }
    }
}
