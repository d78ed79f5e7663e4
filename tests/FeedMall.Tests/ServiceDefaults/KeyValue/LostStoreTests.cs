using System.Diagnostics;
using FeedMall.Testing;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FeedMall.Tests.ServiceDefaults.KeyValue;

/// <summary>What a cache promises while its store is down, slow or refuses: everything but the speed stays the same.</summary>
public sealed class LostStoreTests
{
    private readonly PostTable _table = new();

    [Theory]
    [InlineData(CacheServer.KvStore)]
    [InlineData(CacheServer.Redis)]
    public async Task A_store_that_is_killed_in_the_middle_of_traffic_costs_hits_only_and_is_used_again_when_it_is_back(string kind)
    {
        var server = await CacheServer.StartAsync(kind);
        await using var rig = await CacheRig.StartAsync(server.Port);
        for (var id = 0; id < 20; id++) await _table.SetAsync(id, $"p{id}");
        using var enough = new CancellationTokenSource();
        var answered = 0;
        var traffic = Enumerable.Range(0, 4).Select(reader => Task.Run(async () =>
        {
            for (var i = reader; !enough.IsCancellationRequested; i++)
            {
                Assert.Equal($"p{i % 20}", (await rig.FindAsync(_table, i % 20))!.Title);
                Interlocked.Increment(ref answered);
                await Task.Delay(1, CancellationToken.None);
            }
        })).ToArray();
        await CacheRig.UntilAsync(() => rig.Hits > 100);
        await server.DisposeAsync();
        await CacheRig.UntilAsync(() => rig.Failures("disconnected") > 50);
        var (misses, whileDown) = (rig.Misses, Volatile.Read(ref answered));
        // The four that were under way had their misses counted before they were answered.
        await CacheRig.UntilAsync(() => Volatile.Read(ref answered) > whileDown + 104);
        Assert.True(rig.Misses >= misses + 100);

        await using var again = await CacheServer.StartAsync(kind, server.Port);
        var hits = rig.Hits;
        var took = await CacheRig.UntilAsync(() => rig.Hits > hits + 20);
        TestContext.Current.TestOutputHelper?.WriteLine($"hits again after {took.TotalMilliseconds:0} ms");
        await enough.CancelAsync();
        await Task.WhenAll(traffic);
        Assert.DoesNotContain(rig.Logs.Entries, entry => entry.Level >= LogLevel.Error);
    }

    [Fact]
    public async Task A_service_that_starts_without_its_store_works_and_finds_it_later()
    {
        var port = FreePort.Next();
        await using var rig = await CacheRig.StartUnconnectedAsync(port);
        await _table.SetAsync(1, "v1");
        for (var i = 0; i < 3; i++) Assert.Equal("v1", (await rig.FindAsync(_table, 1))!.Title);
        Assert.Equal((3, 3), (_table.Reads, rig.Misses));
        await using var server = await CacheServer.StartAsync(CacheServer.Redis, port);
        var startedAt = Stopwatch.GetTimestamp();
        while (rig.Hits == 0)
        {
            Assert.Equal("v1", (await rig.FindAsync(_table, 1))!.Title);
            Assert.InRange(Stopwatch.GetElapsedTime(startedAt), TimeSpan.Zero, TimeSpan.FromSeconds(10));
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    [Theory]
    [InlineData(CacheServer.KvStore)]
    [InlineData(CacheServer.Redis)]
    public async Task A_wrong_password_is_a_miss_and_is_never_logged(string kind)
    {
        await using var server = await CacheServer.StartAsync(kind, password: "the-right-one");
        await using (var right = await CacheRig.StartAsync(server.Port, options => options.Password = "the-right-one"))
        {
            await _table.SetAsync(1, "v1");
            for (var i = 0; i < 2; i++) await right.FindAsync(_table, 1);
            Assert.Equal(1, right.Hits);
        }
        await using var wrong = await CacheRig.StartUnconnectedAsync(server.Port, options => options.Password = "a-wrong-secret");
        var startedAt = Stopwatch.GetTimestamp();
        await CacheRig.UntilAsync(() =>
        {
            _ = wrong.FindAsync(_table, 1);
            return wrong.AllFailures > 100 && Stopwatch.GetElapsedTime(startedAt) > TimeSpan.FromSeconds(2.5);
        });
        Assert.Equal("v1", (await wrong.FindAsync(_table, 1))!.Title);
        Assert.Equal(0, wrong.Hits);
        Assert.DoesNotContain(wrong.Logs.Entries, entry => entry.Message.Contains("a-wrong-secret", StringComparison.Ordinal) || entry.Exception is not null);
        // At most one per second, and one for each time that there is a connection, however many requests fail.
        Assert.InRange(wrong.Logs.Entries.Count(entry => entry.Level == LogLevel.Warning), 1, (int)Stopwatch.GetElapsedTime(startedAt).TotalSeconds + 2);
    }

    [Fact]
    public async Task A_store_that_hangs_costs_each_request_the_operation_timeout_at_most_and_soon_nothing()
    {
        await using var server = await CacheServer.StartAsync(CacheServer.Redis);
        await using var proxy = new TcpProxy(server.Port);
        await using var rig = await CacheRig.StartAsync(proxy.Port, options => options.OperationTimeout = TimeSpan.FromMilliseconds(100));
        await _table.SetAsync(1, "v1");
        proxy.Delay = TimeSpan.FromSeconds(3);
        var longest = TimeSpan.Zero;
        for (var i = 0; i < 60; i++)
        {
            var startedAt = Stopwatch.GetTimestamp();
            Assert.Equal("v1", (await rig.FindAsync(_table, 1))!.Title);
            if (Stopwatch.GetElapsedTime(startedAt) is var took && took > longest) longest = took;
        }
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"longest {longest.TotalMilliseconds:0} ms; {rig.Failures("timeout")} timeouts, {rig.Failures("dropped")} not tried");
        Assert.InRange(longest, TimeSpan.Zero, TimeSpan.FromSeconds(2.5)); // 100 ms and what a busy machine adds, not the 3 s of the store
        Assert.InRange(rig.Failures("timeout"), 5, 59);
        Assert.InRange(rig.Failures("dropped") + rig.Failures("disconnected"), 1, 60);

        proxy.Delay = TimeSpan.Zero;
        var hits = rig.Hits;
        var back = Stopwatch.GetTimestamp();
        while (rig.Hits < hits + 5)
        {
            Assert.Equal("v1", (await rig.FindAsync(_table, 1))!.Title);
            Assert.InRange(Stopwatch.GetElapsedTime(back), TimeSpan.Zero, TimeSpan.FromSeconds(15));
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"hits again after {Stopwatch.GetElapsedTime(back).TotalMilliseconds:0} ms");
    }

    [Fact]
    public async Task Commands_that_wait_for_a_hanging_store_are_bounded()
    {
        await using var server = await CacheServer.StartAsync(CacheServer.Redis);
        await using var proxy = new TcpProxy(server.Port);
        await using var rig = await CacheRig.StartAsync(proxy.Port, options =>
            (options.OperationTimeout, options.MaxOutstanding) = (TimeSpan.FromSeconds(2), 50)); // all are asked for before the first gives up
        proxy.Delay = TimeSpan.FromSeconds(10);
        for (var id = 0; id < 2000; id++) await _table.SetAsync(id, $"p{id}");
        var posts = await Task.WhenAll(Enumerable.Range(0, 2000).Select(id => rig.FindAsync(_table, id)));
        for (var id = 0; id < 2000; id++) Assert.Equal($"p{id}", posts[id]!.Title);
        Assert.InRange(rig.Failures("timeout"), 1, 50);
        Assert.InRange(rig.Failures("busy"), 1, 2000);
    }

    [Fact]
    public async Task A_change_that_the_store_could_not_be_told_is_told_later_and_seen_here_at_once()
    {
        await using var server = await CacheServer.StartAsync(CacheServer.Redis);
        await using var proxy = new TcpProxy(server.Port);
        await using var cutOff = await CacheRig.StartAsync(proxy.Port);
        await using var other = await CacheRig.StartAsync(server.Port);
        await _table.SetAsync(1, "v1");
        for (var i = 0; i < 2; i++) Assert.Equal("v1", (await other.FindAsync(_table, 1))!.Title);
        Assert.Equal(1, other.Hits);

        proxy.Cut();
        await CacheRig.UntilAsync(() => !cutOff.IsConnected);
        await cutOff.ChangeAsync(_table, 1, "v2");
        Assert.Equal(1, cutOff.Store.Owed.Count);
        Assert.Equal("v2", (await cutOff.FindAsync(_table, 1))!.Title);
        // This is the price of going on without the store: who can still reach it sees the old value, for the time to live at most.
        Assert.Equal("v1", (await other.FindAsync(_table, 1))!.Title);

        proxy.Mend();
        await CacheRig.UntilAsync(() => cutOff.Store.Owed.Count == 0);
        Assert.Equal("v2", (await other.FindAsync(_table, 1))!.Title);
        Assert.Equal("v2", (await cutOff.FindAsync(_table, 1))!.Title);
    }

    [Fact]
    public async Task A_cache_that_is_turned_off_reads_the_database_and_counts_no_failures()
    {
        await using var rig = await CacheRig.StartUnconnectedAsync(1, options => options.Enabled = false);
        await _table.SetAsync(1, "v1");
        for (var i = 0; i < 3; i++) Assert.Equal("v1", (await rig.FindAsync(_table, 1))!.Title);
        await rig.ChangeAsync(_table, 1, "v2");
        Assert.Equal("v2", (await rig.FindAsync(_table, 1))!.Title);
        Assert.Equal((4, 0, 0), (_table.Reads, rig.AllFailures, rig.Store.Owed.Count));
    }
}
