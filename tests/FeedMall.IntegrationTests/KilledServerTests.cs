using System.Collections.Concurrent;
using System.Diagnostics;
using FeedMall.Proto.Feed.V1;
using FeedMall.Rpc.Client;
using FeedMall.Testing;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.IntegrationTests;

/// <summary>Three processes of one service behind one channel, of which one is killed under load and comes back.</summary>
public sealed class KilledServerTests
{
    private const int Callers = 16;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_that_is_killed_costs_no_call_leaves_within_a_second_and_comes_back_after_its_restart()
    {
        using var folder = new TemporaryFolder();
        string[] urls = [FreePort.NextUrl(), FreePort.NextUrl(), FreePort.NextUrl()];
        ServiceProcess[] servers = [.. urls.Select((_, i) => Start(folder, urls, i))];
        try
        {
            foreach (var server in servers) await server.WaitForLineAsync("listens", Token);
            await using var clients = Connect(urls);
            var posts = clients.GetRequiredService<Posts.PostsClient>();
            var channel = clients.GetRequiredService<RpcChannels>().All.Single();
            EndpointSnapshot Victim() => channel.Snapshot()[1];
            await using var load = new Load(posts);
            await UntilAsync(() => channel.Snapshot().All(one => one.Picks > 100), TimeSpan.FromSeconds(30));

            await servers[1].KillAsync();
            var (picks, killedAt, lastPickAt) = (Victim().Picks, Stopwatch.GetTimestamp(), TimeSpan.Zero);
            while (Stopwatch.GetElapsedTime(killedAt) < TimeSpan.FromSeconds(2))
            {
                var now = Victim().Picks;
                if (now != picks) (picks, lastPickAt) = (now, Stopwatch.GetElapsedTime(killedAt));
                await Task.Delay(1, Token);
            }
            var answered = load.Answered;
            Assert.NotEqual(EndpointState.Ready, Victim().State);
            Assert.InRange(lastPickAt, TimeSpan.Zero, TimeSpan.FromSeconds(1));

            await servers[1].DisposeAsync();
            servers[1] = Start(folder, urls, 1);
            await servers[1].WaitForLineAsync("listens", Token);
            var restartedAt = Stopwatch.GetTimestamp();
            // The longest wait between attempts to reach it is 10 s and a fifth; it then joins the pick at once.
            await UntilAsync(() => Victim().State == EndpointState.Ready && Victim().Picks > picks, TimeSpan.FromSeconds(12));
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"last pick {lastPickAt.TotalMilliseconds:0} ms after the kill; back {Stopwatch.GetElapsedTime(restartedAt).TotalMilliseconds:0} ms after it listened; " +
                $"{load.Answered} calls, {channel.RetrySnapshot().Granted} retries");
            await load.DisposeAsync();
            Assert.Empty(load.Failures);
            Assert.True(load.Answered > answered);
        }
        finally
        {
            foreach (var server in servers) await server.DisposeAsync();
        }
    }

    private static ServiceProcess Start(TemporaryFolder folder, string[] urls, int i)
    {
        var own = Directory.CreateDirectory(Path.Combine(folder.Path, $"{i}")).FullName;
        return ServiceProcess.Start("Domain.Feed", own, $"--DataDirectory={own}", $"--Feed:Url={urls[i]}", "--Feed:GovernorUrl=", "--Feed:Cache:Enabled=false");
    }

    private static ServiceProvider Connect(string[] urls)
    {
        var services = new ServiceCollection();
        services.AddGrpcClient<Posts.PostsClient>((_, options) =>
            (options.Addresses, options.DefaultTimeout) = ([.. urls.Select(url => new Uri(url))], TimeSpan.FromSeconds(10)));
        return services.BuildServiceProvider();
    }

    private static async Task UntilAsync(Func<bool> isTrue, TimeSpan atMost)
    {
        var startedAt = Stopwatch.GetTimestamp();
        while (!isTrue())
        {
            Assert.True(Stopwatch.GetElapsedTime(startedAt) < atMost, $"not within {atMost.TotalSeconds} s");
            await Task.Delay(5, Token);
        }
    }

    /// <summary>Callers that read one after the other until they are told to stop.</summary>
    private sealed class Load : IAsyncDisposable
    {
        private readonly CancellationTokenSource _enough = new();
        private readonly Task _callers;
        private int _answered;

        public Load(Posts.PostsClient posts) => _callers = Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => CallAsync(posts)));

        public int Answered => Volatile.Read(ref _answered);

        public ConcurrentQueue<RpcException> Failures { get; } = new();

        public async ValueTask DisposeAsync()
        {
            await _enough.CancelAsync();
            await _callers;
        }

        private async Task CallAsync(Posts.PostsClient posts)
        {
            while (!_enough.IsCancellationRequested)
            {
                try
                {
                    await posts.ListPostsAsync(new ListPostsRequest());
                    Interlocked.Increment(ref _answered);
                }
                catch (RpcException error)
                {
                    Failures.Enqueue(error);
                }
            }
        }
    }
}
