using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Errors;
using FeedMall.Testing;
using Grpc.Core;
using Grpc.Health.V1;
using Xunit;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace FeedMall.Tests.Domain.Feed;

public sealed class LostDatabaseTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_service_whose_database_is_gone_says_so_and_tells_nothing_about_it()
    {
        using var folder = new TemporaryFolder();
        var database = "";
        await using var feed = await StartAndLoseAsync();
        Assert.Equal(ServingStatus.NotServing, (await feed.Health.CheckAsync(new HealthCheckRequest(), cancellationToken: Token)).Status);

        var call = feed.Posts.GetPostAsync(new GetPostRequest { Id = 1 }, cancellationToken: Token);
        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        Assert.Equal(Reasons.UpstreamError, error.FindErrorInfo()!.Reason);
        Assert.DoesNotContain("Npgsql", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(database.Split(';')[1], error.ToString(), StringComparison.Ordinal);

        async Task<FeedHost> StartAndLoseAsync()
        {
            var server = new PostgresServer();
            try
            {
                database = await server.CreateDatabaseAsync(Token);
                var started = await FeedHost.StartAsync(database, folder.Path);
                Assert.Equal(ServingStatus.Serving, (await started.Health.CheckAsync(new HealthCheckRequest(), cancellationToken: Token)).Status);
                return started;
            }
            finally
            {
                await server.DisposeAsync();
            }
        }
    }
}
