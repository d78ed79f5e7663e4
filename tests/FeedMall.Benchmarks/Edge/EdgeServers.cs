using FeedMall.Bff;
using FeedMall.Domain.Feed;
using FeedMall.Domain.Mall;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FeedMall.Benchmarks.Edge;

/// <summary>
/// The servers under test, in a process of their own: prints their addresses in one line, and ends when its input does, so that it
/// never outlives the benchmark.
/// </summary>
internal static class EdgeServers
{
    // About as many bytes as the envelope of a short post.
    private static readonly byte[] BareAnswer =
        """{"code":0,"message":"success","data":{"id":"1836221409034240001","uid":"1836221409030045696","title":"A month of baking sourdough rye","content":"It took four weeks.","type":"text","tags":["baking"],"likeCount":0,"createdAt":"2026-01-01T00:00:00.000Z","author":{"uid":"1836221409030045696","name":"ada"}}}"""u8.ToArray();

    private const string NoCache = "--Protection:Cache:Enabled=false";

    // Everything decides and nothing refuses: the load comes from one address, and is meant to fill the machine.
    private static readonly string[] Roomy =
        ["--Protection:RateLimit:ClientRate=1000000", "--Protection:RateLimit:ClientBurst=1000000", "--Protection:Admission:LoadThreshold=1000", "--Protection:Admission:DryRun=true"];

    public static async Task<int> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("feedmall-bench-").FullName;
        try
        {
            string[] common = [$"--DataDirectory={folder}", "--Logging:LogLevel:Default=Warning", "--Feed:Cache:Enabled=false", "--Mall:Cache:Enabled=false"];
            await using var feed = FeedApp.Build([.. common, "--Feed:Url=http://127.0.0.1:0", "--Feed:GovernorUrl="]);
            await feed.StartAsync();
            await using var mall = MallApp.Build([.. common, "--Mall:Url=http://127.0.0.1:0", "--Mall:GovernorUrl="]);
            await mall.StartAsync();
            WebApplication Bff(params string[] protection) => BffApp.Build([.. common, "--Bff:Url=http://127.0.0.1:0", "--Bff:GovernorUrl=", "--Bff:Cache:Enabled=false",
                $"--Bff:FeedAddresses={feed.Urls.First()}", $"--Bff:MallAddresses={mall.Urls.First()}", .. protection]);
            await using var open = Bff("--Protection:RateLimit:Enabled=false", "--Protection:Admission:Enabled=false", "--Protection:Dependencies:Breaker=false",
                "--Protection:Dependencies:Limit:Enabled=false", NoCache);
            await open.StartAsync();
            await using var guarded = Bff([.. Roomy, NoCache]);
            await guarded.StartAsync();
            await using var caching = Bff(Roomy);
            await caching.StartAsync();
            await using var bare = await StartBareAsync();

            Console.WriteLine($"{bare.Urls.First()} {feed.Urls.First()} {open.Urls.First()} {guarded.Urls.First()} {caching.Urls.First()}");
            while (await Console.In.ReadLineAsync() is not null) { }

            await bare.StopAsync();
            await caching.StopAsync();
            await guarded.StopAsync();
            await open.StopAsync();
            await mall.StopAsync();
            await feed.StopAsync();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return 0;
    }

    private static async Task<WebApplication> StartBareAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddRoutingCore();
        var app = builder.Build();
        app.MapGet("/v1/feed/posts/{id}", (HttpContext context) =>
        {
            context.Response.ContentType = "application/json; charset=utf-8";
            context.Response.ContentLength = BareAnswer.Length;
            return context.Response.Body.WriteAsync(BareAnswer).AsTask();
        });
        await app.StartAsync();
        return app;
    }
}
