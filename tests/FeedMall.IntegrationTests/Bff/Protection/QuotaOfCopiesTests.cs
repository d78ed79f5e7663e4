using System.Diagnostics;
using FeedMall.Bff.Protection;
using FeedMall.Testing;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.IntegrationTests.Bff.Protection;

/// <summary>Three copies of the Bff share a quota by a real store, which is killed and comes back.</summary>
[Collection(AloneOnTheMachine.Name)]
public sealed class QuotaOfCopiesTests(ITestOutputHelper output)
{
    private const int Limit = 300;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(CacheServer.KvStore)]
    [InlineData(CacheServer.Redis)]
    public async Task Copies_share_the_limit_fairly_go_by_local_shares_without_the_store_and_share_again_when_it_is_back(string kind)
    {
        using var folder = new TemporaryFolder();
        var port = FreePort.Next();
        var store = await StartStoreAsync(kind, port, folder);
        ProtectedBff[] copies = [.. await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => StartAsync(port)))];
        try
        {
            await UntilAsync(() => copies.All(copy => Peers(copy) is { IsLeased: true, Nodes: 3 }), s_patience);
            // One copy is asked for as much as all may do, the others for little.
            await using var big = new PacedCalls(copies[0], "big", perSecond: 350);
            await using var small = new PacedCalls(copies[1], "small", perSecond: 30);
            await using var middle = new PacedCalls(copies[2], "middle", perSecond: 60);
            await Task.Delay(TimeSpan.FromSeconds(3), Cancel);

            await small.MeasureAsync(async () => await AssertTotalAsync(copies, seconds: 5, least: 0.7 * Limit));
            output.WriteLine($"shared: small {small.Share:P1} of {small.Asked}, big {Rate(copies[0], "big"):0}/s");
            Assert.True(small.Share >= 0.95, $"small got {small.Share:P1} of {small.Asked}");
            Assert.True(Rate(copies[0], "big") > 0.5 * Limit, $"big has {Rate(copies[0], "big")}");

            await store.DisposeAsync();
            var killed = Stopwatch.GetTimestamp();
            await UntilAsync(() => copies.All(copy => !Peers(copy).IsLeased), TimeSpan.FromSeconds(4));
            output.WriteLine($"alone {Stopwatch.GetElapsedTime(killed).TotalSeconds:0.0} s after the kill");
            await small.MeasureAsync(async () => await AssertTotalAsync(copies[..1], seconds: 2, least: 0.7 * Limit / 3, most: Limit / 3));
            Assert.True(small.Share >= 0.95, $"small got {small.Share:P1} of {small.Asked}");

            store = await StartStoreAsync(kind, port, folder);
            var back = Stopwatch.GetTimestamp();
            await UntilAsync(() => copies.All(copy => Peers(copy) is { IsLeased: true, IsReturning: false, Nodes: 3 }) && Rate(copies[0], "big") > 0.5 * Limit, TimeSpan.FromSeconds(3));
            output.WriteLine($"fair {Stopwatch.GetElapsedTime(back).TotalSeconds:0.0} s after the store was back");
            await small.MeasureAsync(async () => await AssertTotalAsync(copies, seconds: 3, least: 0.7 * Limit));
            Assert.True(small.Share >= 0.95, $"small got {small.Share:P1} of {small.Asked}");
            foreach (var copy in copies) copy.Logs.AssertNoErrors();
        }
        finally
        {
            foreach (var copy in copies) await copy.DisposeAsync();
            await store.DisposeAsync();
        }
    }

    // Counted where it is decided, over the time that passed at least: how late this test looks does not matter.
    private async Task AssertTotalAsync(ProtectedBff[] copies, int seconds, double least, double most = Limit)
    {
        var (startedAt, before, all) = (Stopwatch.GetTimestamp(), Admitted(copies), 0L);
        for (var second = 0; second < seconds; second++)
        {
            var (from, started) = (Admitted(copies), Stopwatch.GetTimestamp());
            await Task.Delay(TimeSpan.FromSeconds(1), Cancel);
            all = Admitted(copies);
            var perSecond = (all - from) / Stopwatch.GetElapsedTime(started).TotalSeconds;
            output.WriteLine($"{perSecond:0}/s");
            Assert.True(perSecond <= 1.1 * most, $"{perSecond} per second");
        }
        var average = (all - before) / Stopwatch.GetElapsedTime(startedAt).TotalSeconds;
        Assert.True(average >= least, $"{average} per second");
    }

    private static Task<ProtectedBff> StartAsync(int port) => ProtectedBff.StartAsync(
        "--Protection:Quota:Enabled=true", $"--Protection:Quota:Limit={Limit}", "--Protection:Quota:Callers:big:Weight=1", "--Protection:Quota:Callers:small:Weight=1",
        "--Protection:Quota:Callers:middle:Weight=1", "--Logging:LogLevel:FeedMall=Warning", "--Bff:Cache:Enabled=true", $"--Bff:Cache:Addresses=127.0.0.1:{port}");

    private static async Task<IAsyncDisposable> StartStoreAsync(string kind, int port, TemporaryFolder folder)
    {
        if (kind == CacheServer.Redis) return await RedisServer.StartAsync(port);
        var store = ServiceProcess.Start("KvStore", folder.Path, $"--Kv:Port={port}", "--Kv:GovernorUrl=", $"--DataDirectory={folder.Path}");
        await store.WaitForLineAsync("listens", Cancel);
        return store;
    }

    private static Resilience.Quotas.QuotaPeersSnapshot Peers(ProtectedBff copy) => copy.Services.GetRequiredService<Quotas>().Peers.Snapshot();

    private static double Rate(ProtectedBff copy, string caller) => Callers(copy).Single(one => one.Name == caller).Bucket.Snapshot().Rate;

    private static long Admitted(IEnumerable<ProtectedBff> copies) => copies.Sum(copy => Callers(copy).Sum(caller => caller.Bucket.Snapshot().Admitted));

    private static IReadOnlyCollection<CallerQuota> Callers(ProtectedBff copy) => copy.Services.GetRequiredService<Quotas>().Callers;

    private static async Task UntilAsync(Func<bool> isTrue, TimeSpan atMost)
    {
        var startedAt = Stopwatch.GetTimestamp();
        while (!isTrue())
        {
            Assert.True(Stopwatch.GetElapsedTime(startedAt) < atMost, $"not within {atMost.TotalSeconds} s");
            await Task.Delay(5, Cancel);
        }
    }

    /// <summary>Users who come one after the other at a steady pace, each when the last one was answered.</summary>
    private sealed class PacedCalls : IAsyncDisposable
    {
        private const int PerUser = 20;
        private readonly CancellationTokenSource _enough = new();
        private readonly Task _users;
        private int _asked, _answered;

        public PacedCalls(ProtectedBff bff, string app, int perSecond)
        {
            var users = (perSecond + PerUser - 1) / PerUser;
            _users = Task.WhenAll(Enumerable.Range(0, users).Select(user => CallAsync(bff, app, TimeSpan.FromSeconds((double)users / perSecond), (double)user / users)));
        }

        public int Asked { get; private set; }

        public double Share { get; private set; }

        public async Task MeasureAsync(Func<Task> meanwhile)
        {
            var (asked, answered) = (Volatile.Read(ref _asked), Volatile.Read(ref _answered));
            await meanwhile();
            Asked = Volatile.Read(ref _asked) - asked;
            Share = (double)(Volatile.Read(ref _answered) - answered) / Asked;
        }

        public async ValueTask DisposeAsync()
        {
            await _enough.CancelAsync();
            await _users;
        }

        private async Task CallAsync(ProtectedBff bff, string app, TimeSpan pace, double phase)
        {
            await Task.Delay(pace * phase, Cancel);
            using var timer = new PeriodicTimer(pace);
            while (!_enough.IsCancellationRequested)
            {
                var answer = await bff.GetAsync("/v1/feed/posts/1", ("aid", app));
                Assert.True(answer.Status is 200 || answer.Reason == "QUOTA_EXCEEDED", $"{answer.Status} {answer.Reason}");
                Interlocked.Increment(ref _asked);
                if (answer.Status == 200) Interlocked.Increment(ref _answered);
                await timer.WaitForNextTickAsync(Cancel);
            }
        }
    }
}
