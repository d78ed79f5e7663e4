using System.Collections.Concurrent;
using System.Net;
using FeedMall.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FeedMall.IntegrationTests;

public sealed class OtlpExportTests
{
    private const string TraceId = "4bf92f3577b34da6a3ce929d0e0e4736";

    [Fact]
    public async Task One_trace_goes_through_the_edge_and_the_domain_service_to_the_configured_collector()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        var received = new ConcurrentQueue<(string Path, byte[] Body)>();
        await using var collector = await StartCollectorAsync(received);

        await using (var host = await FeedMallHost.StartAsync(folder.Path, $"--Otlp:Endpoint={collector.Urls.First()}"))
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/feed/posts?limit=1");
            request.Headers.Add("traceparent", $"00-{TraceId}-00f067aa0ba902b7-01");
            using var response = await host.Http.SendAsync(request, cancel);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        // Stopping flushes, so everything has arrived by now.
        var traces = received.Where(export => export.Path.EndsWith("TraceService/Export", StringComparison.Ordinal)).Select(export => export.Body).ToArray();
        var trace = Convert.FromHexString(TraceId);
        Assert.Contains(traces, body => Has(body, trace) && Has(body, "feedmall.feed.v1.Posts/ListPosts"u8));
        Assert.Contains(traces, body => Has(body, trace) && Has(body, "GET /v1/feed/posts"u8) && Has(body, "http.route"u8));
        Assert.Contains(received, export => export.Path.EndsWith("MetricsService/Export", StringComparison.Ordinal) && Has(export.Body, "rpc.server.call.duration"u8));
    }

    private static bool Has(byte[] body, ReadOnlySpan<byte> part) => body.AsSpan().IndexOf(part) >= 0;

    // As much of a collector as the protocol asks for: it takes every export and says that all is well.
    private static async Task<WebApplication> StartCollectorAsync(ConcurrentQueue<(string, byte[])> received)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.MapPost("/{service}/{method}", async (HttpContext context) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            received.Enqueue((context.Request.Path, body.ToArray()));
            context.Response.ContentType = "application/grpc";
            context.Response.DeclareTrailer("grpc-status");
            await context.Response.Body.WriteAsync(new byte[5]);
            context.Response.AppendTrailer("grpc-status", "0");
        });
        await app.StartAsync();
        return app;
    }
}
