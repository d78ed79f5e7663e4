using System.Globalization;
using System.Text;
using FeedMall.Proto.Feed.V1;
using FeedMall.Testing;
using StackExchange.Redis;
using Xunit;

namespace FeedMall.Tests.ServiceDefaults.KeyValue;

/// <summary>What a cache promises while its store is well: against our store and a real Redis.</summary>
public abstract class StampedCacheTests(string kind) : IAsyncLifetime
{
    private readonly PostTable _table = new();
    private CacheServer _server = null!;
    private CacheRig _rig = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await CacheServer.StartAsync(kind);
        _rig = await CacheRig.StartAsync(_server.Port);
        await _table.SetAsync(1, "v1");
    }

    public async ValueTask DisposeAsync()
    {
        await _rig.DisposeAsync();
        await _server.DisposeAsync();
        GC.SuppressFinalize(this);
        _rig.Logs.AssertNoErrors();
    }

    [Fact]
    public async Task What_was_read_once_is_not_read_again()
    {
        for (var i = 0; i < 3; i++) Assert.Equal("v1", (await _rig.FindAsync(_table, 1))!.Title);
        Assert.Equal((1, 2, 1, 0), (_table.Reads, _rig.Hits, _rig.Misses, _rig.AllFailures));
    }

    [Fact]
    public async Task What_does_not_exist_is_known_not_to_until_it_is_created()
    {
        for (var i = 0; i < 3; i++) Assert.Null(await _rig.FindAsync(_table, 7));
        Assert.Equal((1, 2), (_table.Reads, _rig.Absent));
        await _rig.ChangeAsync(_table, 7, "new");
        Assert.Equal("new", (await _rig.FindAsync(_table, 7))!.Title);
    }

    [Fact]
    public async Task What_was_changed_or_deleted_is_seen_at_once_in_every_process()
    {
        await using var other = await CacheRig.StartAsync(_server.Port);
        for (var round = 0; round < 50; round++)
        {
            var title = round % 5 == 4 ? null : $"v{round}";
            await _rig.ChangeAsync(_table, 1, title);
            Assert.Equal(title, (await other.FindAsync(_table, 1))?.Title);
            Assert.Equal(title, (await _rig.FindAsync(_table, 1))?.Title);
        }
        Assert.InRange(_table.Reads, 50, 100);
    }

    // The rule of spec §10.5: R reads v1 → W commits v2 and tells the store → R fills with v1. The cache must hold v2.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_late_fill_never_wins_over_a_change(bool isCachedBefore)
    {
        await using var other = await CacheRig.StartAsync(_server.Port);
        if (isCachedBefore)
        {
            await _rig.FindAsync(_table, 1);
            await _rig.ChangeAsync(_table, 1, "v1"); // so that the next read misses, but finds a stamp and an old value
        }
        var (hasRead, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        _table.AfterRead = () =>
        {
            hasRead.SetResult();
            return goOn.Task;
        };
        var slow = _rig.FindAsync(_table, 1);
        await hasRead.Task;
        _table.AfterRead = () => Task.CompletedTask;
        await other.ChangeAsync(_table, 1, "v2");
        Assert.Equal("v2", (await other.FindAsync(_table, 1))!.Title);
        goOn.SetResult();
        Assert.Equal("v1", (await slow)!.Title); // it asked before the change ended

        var reads = _table.Reads;
        Assert.Equal("v2", (await _rig.FindAsync(_table, 1))!.Title);
        Assert.Equal("v2", (await other.FindAsync(_table, 1))!.Title);
        Assert.Equal("v2", (await _rig.FindAsync(_table, 1))!.Title);
        Assert.InRange(_table.Reads - reads, 0, 2); // the fill that came too late may have cost the good one, no more
    }

    [Fact]
    public async Task Of_two_writers_at_once_the_later_commit_is_what_is_read_whoever_tells_the_store_last()
    {
        await using var other = await CacheRig.StartAsync(_server.Port);
        await _rig.FindAsync(_table, 1);
        var goOn = new TaskCompletionSource();
        var first = _rig.Posts.ChangeAsync(1, async () =>
        {
            await _table.SetAsync(1, "v2");
            await goOn.Task; // committed, and then it stumbles before it tells the store
            return true;
        });
        await other.ChangeAsync(_table, 1, "v3");
        Assert.Equal("v3", (await other.FindAsync(_table, 1))!.Title);
        goOn.SetResult();
        await first;
        Assert.Equal("v3", (await _rig.FindAsync(_table, 1))!.Title);
        Assert.Equal("v3", (await other.FindAsync(_table, 1))!.Title);
    }

    [Fact]
    public async Task A_thousand_at_once_who_miss_read_the_database_once()
    {
        var goOn = new TaskCompletionSource();
        _table.AfterRead = () => goOn.Task;
        var all = Enumerable.Range(0, 1000).Select(_ => _rig.FindAsync(_table, 1)).ToArray();
        await CacheRig.UntilAsync(() => _rig.Posts.Flights is { Begun: var begun, Joined: var joined } && begun + joined == 1000);
        goOn.SetResult();
        Assert.All(await Task.WhenAll(all), post => Assert.Equal("v1", post!.Title));
        Assert.Equal((1, 1000, 0), (_table.Reads, _rig.Misses, _rig.AllFailures));
    }

    [Fact]
    public async Task Who_asks_after_a_change_does_not_join_a_read_from_before_it()
    {
        var goOn = new TaskCompletionSource();
        _table.AfterRead = () => goOn.Task;
        var before = _rig.FindAsync(_table, 1);
        await CacheRig.UntilAsync(() => _table.Reads == 1);
        _table.AfterRead = () => Task.CompletedTask;
        await _rig.ChangeAsync(_table, 1, "v2");
        Assert.Equal("v2", (await _rig.FindAsync(_table, 1))!.Title);
        goOn.SetResult();
        Assert.Equal("v1", (await before)!.Title);
    }

    [Fact]
    public async Task A_change_that_was_cut_off_may_have_happened_so_the_cache_forgets()
    {
        await _rig.FindAsync(_table, 1);
        await Assert.ThrowsAsync<OperationCanceledException>(() => _rig.Posts.ChangeAsync<bool>(1, async () =>
        {
            await _table.SetAsync(1, "v2");
            throw new OperationCanceledException();
        }));
        Assert.Equal("v2", (await _rig.FindAsync(_table, 1))!.Title);
        // The commit may even come later: so once more, and until then nothing is believed.
        await _table.SetAsync(1, "v3");
        Assert.Equal("v3", (await _rig.FindAsync(_table, 1))!.Title);
        await CacheRig.UntilAsync(() => _rig.Store.Owed.Count == 0);
        Assert.Equal("v3", (await _rig.FindAsync(_table, 1))!.Title);
    }

    [Fact]
    public async Task Many_are_read_in_one_go_and_only_those_that_are_missing_from_the_database()
    {
        for (var id = 1; id <= 10; id++) await _table.SetAsync(id, $"p{id}");
        for (var id = 1; id <= 5; id++) await _rig.FindAsync(_table, id);
        var asked = new List<long[]>();
        async Task<IReadOnlyDictionary<long, Post>> ListAsync(params long[] ids) => await _rig.Posts.ListAsync(ids, (missing, _) =>
        {
            asked.Add([.. missing.Order()]);
            return Task.FromResult(missing.Where(id => _table.Row(id) is not null).Select(id => KeyValuePair.Create(id, _table.Row(id)!)));
        }, Token);

        Assert.Empty(await ListAsync());
        var found = await ListAsync(3, 1, 99, 8, 3, 6);
        Assert.Equal([1, 3, 6, 8], found.Keys.Order());
        Assert.All(found, post => Assert.Equal($"p{post.Key}", post.Value.Title));
        Assert.Equal([1, 3, 6, 8], (await ListAsync(8, 6, 99, 3, 1)).Keys.Order());
        Assert.Equal([[6, 8, 99]], asked);
    }

    [Fact]
    public async Task Times_to_live_are_spread_and_the_stamp_outlives_the_value()
    {
        for (var id = 1; id <= 100; id++)
        {
            await _table.SetAsync(id, "v1");
            await _rig.FindAsync(_table, id);
            await _rig.FindAsync(_table, 1000 + id);
        }
        await using var raw = await RawStore.ConnectAsync(_server.Port);
        var values = await Task.WhenAll(Enumerable.Range(1, 100).Select(id => raw.SecondsToLiveAsync(ValueKey(id))));
        var stamps = await Task.WhenAll(Enumerable.Range(1, 100).Select(id => raw.SecondsToLiveAsync(StampKey(id))));
        var absent = await Task.WhenAll(Enumerable.Range(1001, 100).Select(id => raw.SecondsToLiveAsync(ValueKey(id))));
        Assert.InRange(values.Max(), 300, 330);
        Assert.InRange(values.Min(), 270 - 20, 300); // less what this test took since
        Assert.True(values.Max() - values.Min() > 30, $"{values.Min()} to {values.Max()}");
        Assert.InRange(absent.Max(), 0.001, 11);
        Assert.All(stamps, stamp => Assert.InRange(stamp, 331, 600));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not ours")]
    [InlineData("0123456789abcdef")]
    [InlineData("\u0001\u00010123456789abcdef and no protobuf either")]
    public async Task Rubbish_in_the_store_is_a_miss_and_gets_overwritten(string rubbish)
    {
        await using var raw = await RawStore.ConnectAsync(_server.Port);
        foreach (var key in new[] { ValueKey(1), StampKey(1) })
        {
            await _rig.FindAsync(_table, 1);
            await raw.SetAsync(key, Encoding.Latin1.GetBytes(rubbish));
            for (var i = 0; i < 3; i++) Assert.Equal("v1", (await _rig.FindAsync(_table, 1))!.Title);
            var reads = _table.Reads;
            Assert.Equal("v1", (await _rig.FindAsync(_table, 1))!.Title);
            Assert.Equal(reads, _table.Reads);
        }
    }

    [Theory]
    [InlineData(0, 9)] // another version of the format
    [InlineData(1, 9)] // another kind of entry
    [InlineData(18, 0xFF)] // broken protobuf
    public async Task An_entry_of_another_make_is_a_miss_and_gets_overwritten(int position, byte value)
    {
        await _rig.FindAsync(_table, 1);
        await using var raw = await RawStore.ConnectAsync(_server.Port);
        var entry = (await raw.GetAsync(ValueKey(1)))!;
        entry[position] = value;
        await raw.SetAsync(ValueKey(1), entry);
        for (var i = 0; i < 3; i++) Assert.Equal("v1", (await _rig.FindAsync(_table, 1))!.Title);
        Assert.Equal(2, _table.Reads);
    }

    [Fact]
    public async Task A_key_of_another_type_is_a_miss_and_no_error()
    {
        if (kind != CacheServer.Redis) return; // our store has strings only, so far
        await using var raw = await RawStore.ConnectAsync(_server.Port);
        await raw.Database.ListLeftPushAsync(ValueKey(1), "x");
        await raw.Database.ListLeftPushAsync(StampKey(1), "x");
        for (var i = 0; i < 3; i++) Assert.Equal("v1", (await _rig.FindAsync(_table, 1))!.Title);
    }

    [Fact]
    public async Task A_failed_load_goes_to_all_who_wait_and_is_not_kept()
    {
        var fails = true;
        Task<Post?> LoadAsync(CancellationToken _) => fails ? Task.FromException<Post?>(new InvalidOperationException("broken")) : _table.FindAsync(1);
        var all = Enumerable.Range(0, 10).Select(_ => _rig.Posts.FindAsync(1, LoadAsync, Token)).ToArray();
        foreach (var one in all) await Assert.ThrowsAsync<InvalidOperationException>(() => one);
        fails = false;
        Assert.Equal("v1", (await _rig.Posts.FindAsync(1, LoadAsync, Token))!.Title);
    }

    [Fact]
    public async Task Readers_and_writers_of_two_processes_never_see_a_post_go_back_in_time()
    {
        await using var other = await CacheRig.StartAsync(_server.Port);
        const int writes = 200;
        var ended = 0;
        await _table.SetAsync(1, "0");
        var readers = new[] { _rig, other, _rig, other }.Select(rig => Task.Run(async () =>
        {
            while (Volatile.Read(ref ended) < writes)
            {
                var least = Volatile.Read(ref ended); // whatever ended before the read began must be seen
                var seen = int.Parse((await rig.FindAsync(_table, 1))!.Title, CultureInfo.InvariantCulture);
                Assert.True(seen >= least, $"read {seen} after {least} had ended");
            }
        }, Token)).ToArray();
        for (var write = 1; write <= writes; write++)
        {
            await (write % 2 == 0 ? _rig : other).ChangeAsync(_table, 1, $"{write}");
            Volatile.Write(ref ended, write);
            for (var i = 0; i < 3; i++) await _rig.FindAsync(_table, 1);
        }
        await Task.WhenAll(readers);
        Assert.True(_rig.Hits + other.Hits > 100, "hardly anything was read from the cache");
    }

    private static string ValueKey(long id) => $"post:1:{{{id}}}";

    private static string StampKey(long id) => $"post:1:{{{id}}}:stamp";

    /// <summary>The store as an operator sees it.</summary>
    private sealed class RawStore(ConnectionMultiplexer connection) : IAsyncDisposable
    {
        public IDatabase Database => connection.GetDatabase();

        public static async Task<RawStore> ConnectAsync(int port) => new(await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{port}"));

        public async Task<double> SecondsToLiveAsync(string key) => (await Database.KeyTimeToLiveAsync(key))!.Value.TotalSeconds;

        public Task SetAsync(string key, byte[] value) => Database.StringSetAsync(key, value);

        public async Task<byte[]?> GetAsync(string key) => await Database.StringGetAsync(key);

        public async ValueTask DisposeAsync()
        {
            await connection.CloseAsync();
            connection.Dispose();
        }
    }
}

public sealed class StampedCacheTestsWithKvStore() : StampedCacheTests(CacheServer.KvStore);

public sealed class StampedCacheTestsWithRedis() : StampedCacheTests(CacheServer.Redis);
