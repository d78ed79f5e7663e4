using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Server;
using FeedMall.ServiceDefaults;
using FeedMall.Testing;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.IntegrationTests.Bff;

public sealed class DeadlineTests
{
    [Fact]
    public async Task The_deadline_of_the_request_reaches_the_domain_service_cancels_it_and_becomes_a_504()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        var seen = new Seen();
        await using var slow = await StartSlowFeedAsync(seen);
        // Work that others may join has the route's time, and is cancelled when nobody waits any more.
        await using var host = await FeedMallHost.StartBffAsync(folder.Path, slow.Address(), slow.Address(), "--Protection:Cache:Enabled=false");

        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/feed/posts/1");
        request.Headers.Add("x1-mio-timeout", "2000");
        var sent = Stopwatch.GetTimestamp();
        using var response = await host.Http.SendAsync(request, cancel);
        var took = Stopwatch.GetElapsedTime(sent);

        Assert.Equal(HttpStatusCode.GatewayTimeout, response.StatusCode);
        Assert.Equal("DEADLINE_EXCEEDED", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync(cancel))!["reason"]);
        Assert.True(took >= TimeSpan.FromMilliseconds(1990), $"answered after {took}");
        // What the service was told: a time, and not more than was left of the request's.
        Assert.InRange(await seen.Remaining.Task.WaitAsync(cancel), TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(2000));
        await seen.Cancelled.Task.WaitAsync(cancel);
        host.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task A_caller_who_goes_away_cancels_the_domain_service()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        var seen = new Seen();
        await using var slow = await StartSlowFeedAsync(seen);
        await using var host = await FeedMallHost.StartBffAsync(folder.Path, slow.Address(), slow.Address());

        using var leave = new CancellationTokenSource();
        var request = host.Http.GetAsync("/v1/feed/posts/1", leave.Token);
        await seen.Remaining.Task.WaitAsync(cancel);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
        // Well before its deadline.
        await seen.Cancelled.Task.WaitAsync(TimeSpan.FromSeconds(7), cancel);
        host.Logs.AssertNoErrors();
    }

    private static async Task<WebApplication> StartSlowFeedAsync(Seen seen)
    {
        var builder = ServiceHost.CreateBuilder("Feed", HttpProtocols.Http2, ["--Feed:Url=http://127.0.0.1:0", "--Feed:GovernorUrl=", "--Log:Format=text"]);
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(seen);
        var app = builder.Build();
        app.MapGrpcService<SlowPosts>();
        await app.StartServiceAsync();
        return app;
    }

    private sealed class Seen
    {
        public TaskCompletionSource<TimeSpan> Remaining { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class SlowPosts(Seen seen) : Posts.PostsBase
    {
        public override async Task<GetPostResponse> GetPost(GetPostRequest request, ServerCallContext context)
        {
            seen.Remaining.TrySetResult(context.Deadline - DateTime.UtcNow);
            try
            {
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
            }
            finally
            {
                seen.Cancelled.TrySetResult();
            }
            return new GetPostResponse();
        }
    }
}
