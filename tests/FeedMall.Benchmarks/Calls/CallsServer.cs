using System.Net;
using FeedMall.Benchmarks.Calls.Proto;
using FeedMall.Rpc.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FeedMall.Benchmarks.Calls;

/// <summary>
/// The echo service and the bare echo, in a process of their own: prints both addresses in one line, answers every line of its input
/// with what it has used so far, and ends with its input.
/// </summary>
internal static class CallsServer
{
    public static async Task<int> RunAsync()
    {
        await using var bare = Build(_ => { }, app =>
        {
            app.MapPost("/echo", http => http.Request.Body.CopyToAsync(http.Response.Body));
            app.MapPost("/echo-with-trailers", EchoWithTrailersAsync);
        });
        await using var rpc = Build(services => services.AddGrpc(), app => app.MapGrpcService<BenchService>());
        await bare.StartAsync();
        await rpc.StartAsync();
        Console.WriteLine($"{bare.Urls.First()} {rpc.Urls.First()}");
        while (await Console.In.ReadLineAsync() is not null) Console.WriteLine(Usage.OfThisProcess());
        await rpc.StopAsync();
        await bare.StopAsync();
        return 0;
    }

    // What the protocol alone asks of both sides: its headers and its trailers, and nothing of ours.
    private static async Task EchoWithTrailersAsync(HttpContext http)
    {
        http.Response.ContentType = "application/grpc";
        await http.Request.Body.CopyToAsync(http.Response.Body);
        http.Response.AppendTrailer("grpc-status", "0");
    }

    private static WebApplication Build(Action<IServiceCollection> configure, Action<WebApplication> map)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Logging.ClearProviders();
        builder.Services.AddRoutingCore();
        configure(builder.Services);
        var app = builder.Build();
        map(app);
        return app;
    }

    internal sealed class BenchService : Bench.BenchBase
    {
        public override Task<Block> Echo(Block request, ServerCallContext context) => Task.FromResult(request);

        public override async Task Repeat(RepeatRequest request, IServerStreamWriter<Block> responseStream, ServerCallContext context)
        {
            var block = new Block { Payload = request.Payload };
            for (var i = 0; i < request.Count; i++) await responseStream.WriteAsync(block);
        }
    }
}
