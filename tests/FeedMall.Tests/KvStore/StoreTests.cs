using System.Text;
using FeedMall.KvStore;
using FeedMall.KvStore.Data;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.KvStore;

/// <summary>Slabs, index, database and wheel together, against a dictionary that does the same the slow way.</summary>
public sealed class StoreTests
{
    private readonly TestClock _clock = new();
    private readonly Keyspace _keyspace;

    public StoreTests()
    {
        _keyspace = new Keyspace(new KvClock(_clock), new TestChance());
        _keyspace.NowMs = _keyspace.Clock.NowMs;
    }

    private Database Data => _keyspace[0];

    [Fact]
    public void A_hundred_thousand_random_changes_leave_what_a_dictionary_would_hold()
    {
        var chance = new Random(1);
        var expected = new Dictionary<string, byte[]>();
        for (var i = 0; i < 100_000; i++)
        {
            var key = $"key:{chance.Next(5_000)}";
            if (chance.Next(3) == 0)
            {
                Assert.Equal(expected.Remove(key), Data.Remove(Bytes(key)));
                continue;
            }
            var value = new byte[chance.Next(20) == 0 ? chance.Next(200_000) : chance.Next(300)];
            chance.NextBytes(value);
            expected[key] = value;
            Data.Set(Bytes(key), value, chance.Next(2) == 0 ? Database.Never : _keyspace.NowMs + 1_000_000);
        }
        AssertHolds(expected);
        Data.Clear();
        Assert.Equal((0, 0), (Data.Count, _keyspace.Expiring));
        while (!_keyspace.Retired.FreeSome(1000)) { }
        Assert.Equal((0, 0, 0, 0), (_keyspace.Slabs.UsedBytes, _keyspace.Slabs.PageTotalBytes, _keyspace.Slabs.TakenBytes, _keyspace.CollectionBytes));
    }

    [Fact]
    public void Deleting_a_huge_collection_frees_a_few_blocks_at_once_and_the_rest_in_slices_of_the_size_asked_for()
    {
        const int Members = 20_000;
        var set = new KvSet(_keyspace);
        Data.Set("set"u8, set);
        for (var i = 0; i < Members; i++) set.Add(Bytes($"member:{i}"));
        var full = _keyspace.Slabs.UsedBytes;
        Assert.True(Data.Remove("set"u8));
        Assert.False(Data.Has("set"u8));
        // What the client that deletes waits for.
        Assert.InRange(full - _keyspace.Slabs.UsedBytes, 1, full * (RetiredValues.AtOnce + 2) / Members * 2);
        var slices = 1;
        while (!_keyspace.Retired.FreeSome(100)) slices++;
        Assert.InRange(slices, Members / 100 - 1, Members / 100 + 2);
        Assert.Equal(0, _keyspace.Slabs.UsedBytes);
    }

    [Fact]
    public void A_flushed_database_is_empty_at_once_and_gives_its_memory_back_in_slices_while_new_entries_come()
    {
        for (var i = 0; i < 50_000; i++) Data.Set(Bytes($"old{i}"), new byte[100], i % 2 == 0 ? Database.Never : _keyspace.NowMs + 1000);
        var set = new KvSet(_keyspace);
        Data.Set("set"u8, set);
        for (var i = 0; i < 5_000; i++) set.Add(Bytes($"member:{i}"));
        Data.Clear();
        Assert.Equal((0, 0), (Data.Count, _keyspace.Expiring));
        Assert.False(Data.Has("old1"u8));
        Assert.True(_keyspace.Slabs.UsedBytes > 50_000 * 100);

        var slices = 1;
        for (; !_keyspace.Retired.FreeSome(1000); slices++) Data.Set(Bytes($"old{slices}"), "new"u8);
        Assert.InRange(slices, 55, 60);
        Assert.Equal(slices - 1, Data.Count);
        for (var i = 1; i < slices; i++) Data.Remove(Bytes($"old{i}"));
        Assert.Equal((0, 0, 0), (_keyspace.Slabs.UsedBytes, _keyspace.Slabs.TakenBytes, _keyspace.CollectionBytes));
    }

    [Fact]
    public void Entries_of_swapped_databases_expire_where_they_are_now()
    {
        var other = _keyspace[5];
        for (var i = 0; i < 100; i++) Data.Set(Bytes($"a{i}"), "zero"u8, _keyspace.NowMs + 1000);
        for (var i = 0; i < 100; i++) other.Set(Bytes($"b{i}"), "five"u8, _keyspace.NowMs + 5000);
        _keyspace.Swap(0, 5);
        Assert.True(_keyspace[0].Has("b1"u8) && _keyspace[5].Has("a1"u8));
        Assert.Equal((0, 5), (_keyspace[0].Number, _keyspace[5].Number));
        // One that was never used takes part too, and one that is made afterwards has wheel nodes of its own.
        _keyspace.Swap(5, 9);
        _keyspace[5].Set("c"u8, "five"u8, _keyspace.NowMs + 5000);

        _clock.Advance(TimeSpan.FromMilliseconds(1100));
        _keyspace.NowMs = _keyspace.Clock.NowMs;
        while (!_keyspace.Wheel.Advance(_keyspace.NowMs, _keyspace.Expiring, 1000, _keyspace)) { }
        Assert.Equal((100, 1, 0), (_keyspace[0].Count, _keyspace[5].Count, _keyspace[9].Count));
        _clock.Advance(TimeSpan.FromSeconds(5));
        _keyspace.NowMs = _keyspace.Clock.NowMs;
        while (!_keyspace.Wheel.Advance(_keyspace.NowMs, _keyspace.Expiring, 1000, _keyspace)) { }
        Assert.Equal((0, 201), (_keyspace.Count, _keyspace.Expired));
    }

    [Theory]
    [InlineData("volatile-ttl")]
    [InlineData("volatile-lru")]
    [InlineData("volatile-random")]
    public void The_few_entries_with_an_expiry_among_many_without_are_found_when_memory_is_full(string policy)
    {
        for (var i = 0; i < 100_000; i++) Data.Set(Bytes($"stays{i}"), "value"u8);
        for (var i = 0; i < 10; i++) Data.Set(Bytes($"goes{i}"), new byte[1000], _keyspace.NowMs + 1_000_000_000L * (10 - i));
        var settings = new LiveSettings(new KvOptions { EvictionPolicy = policy, MaxMemoryBytes = _keyspace.UsedBytes - 1 });
        var evictor = new Evictor(_keyspace, settings);
        Assert.True(evictor.MakeRoom());
        Assert.Equal(1, _keyspace.Evicted);
        if (policy == "volatile-ttl") Assert.False(Data.Has("goes9"u8));
        settings.MaxMemoryBytes -= 4000;
        Assert.True(evictor.MakeRoom());
        settings.MaxMemoryBytes -= 100_000;
        Assert.False(evictor.MakeRoom());
        Assert.Equal((10, 100_000), (_keyspace.Evicted, Data.Count));
    }

    [Fact]
    public void When_memory_is_full_what_was_deleted_is_given_back_before_anything_is_evicted()
    {
        for (var i = 0; i < 10_000; i++) _keyspace[1].Set(Bytes($"deleted{i}"), new byte[100]);
        for (var i = 0; i < 1_000; i++) Data.Set(Bytes($"stays{i}"), new byte[100]);
        var evictor = new Evictor(_keyspace, new LiveSettings(new KvOptions { EvictionPolicy = "allkeys-lru", MaxMemoryBytes = _keyspace.UsedBytes / 2 }));
        _keyspace[1].Clear();
        Assert.True(evictor.MakeRoom());
        Assert.Equal((0, 1_000), (_keyspace.Evicted, Data.Count));
    }

    [Fact]
    public void Memory_of_removed_entries_is_used_again()
    {
        for (var i = 0; i < 20_000; i++) Data.Set(Bytes($"a{i}"), new byte[100]);
        var pages = _keyspace.Slabs.PageTotalBytes;
        for (var round = 0; round < 20; round++)
        {
            for (var i = 0; i < 20_000; i++) Data.Remove(Bytes($"a{i}"));
            Assert.Equal(0, _keyspace.Slabs.PageTotalBytes);
            for (var i = 0; i < 20_000; i++) Data.Set(Bytes($"a{i}"), new byte[100]);
        }
        Assert.Equal(pages, _keyspace.Slabs.PageTotalBytes);
    }

    [Fact]
    public void No_block_loses_more_than_an_eighth_and_12_bytes()
    {
        for (var bytes = 16; bytes < 70_000; bytes++) Assert.InRange(Slabs.BlockBytes(bytes), bytes, bytes + Math.Max(bytes / 8 + 1, 8));
    }

    [Fact]
    public void A_scan_that_is_interrupted_by_growth_and_shrinking_meets_every_key_that_stays()
    {
        for (var i = 0; i < 3_000; i++) Data.Set(Bytes($"stays{i}"), []);
        var met = new HashSet<string>();
        var (cursor, round) = (KeyIndex.StartCursor, 0);
        do
        {
            var found = new List<long>();
            cursor = Data.Scan(cursor, 10, found);
            foreach (var block in found) met.Add(Encoding.ASCII.GetString(Data.Open(block).Key));
            // Twenty times as many come and go meanwhile.
            for (var i = 0; i < 200; i++)
            {
                var key = Bytes($"goes{(round * 200 + i) % 60_000}");
                if (round / 300 % 2 == 0) Data.Set(key, []);
                else Data.Remove(key);
            }
            round++;
        }
        while (cursor != KeyIndex.StartCursor);
        Assert.Equal(3_000, met.Count(key => key.StartsWith("stays", StringComparison.Ordinal)));
        Assert.True(round > 300, $"{round} rounds");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(5_000)]
    [InlineData(70_000)]
    [InlineData(400_000)]
    [InlineData(20_000_000)]
    [InlineData(2_000_000_000)]
    public void An_entry_goes_by_itself_at_its_time_and_not_before(long lifetimeMs)
    {
        Data.Set("a"u8, "1"u8, _keyspace.NowMs + lifetimeMs);
        Pass(lifetimeMs);
        Assert.Equal(1, Data.Count);
        Pass(33);
        Assert.Equal(0, Data.Count);
        Assert.Equal(1, _keyspace.Expired);
    }

    [Fact]
    public void A_later_expiry_keeps_the_entry_and_an_earlier_one_takes_it()
    {
        var start = _keyspace.NowMs;
        Data.Set("later"u8, "1"u8, start + 1_000);
        Data.Set("sooner"u8, "1"u8, start + 500_000);
        Data.Set("later"u8, "2"u8, start + 10_000);
        Data.Set("sooner"u8, "2"u8, start + 2_000);
        Pass(1_100);
        Assert.Equal(2, Data.Count);
        Pass(1_000);
        Assert.Equal(0, Data.Find("sooner"u8, out _));
        Assert.Equal(1, Data.Count);
        Pass(8_000);
        Assert.Equal(0, Data.Count);
    }

    [Fact]
    public void Setting_an_expiry_again_and_again_does_not_fill_the_wheel()
    {
        for (var i = 0; i < 300_000; i++) Data.Set("a"u8, "1"u8, _keyspace.NowMs + 1_000 + i % 7 * 1_000);
        Assert.True(_keyspace.Wheel.Count < 10, $"{_keyspace.Wheel.Count} nodes");
        for (var i = 0; i < 300_000; i++)
        {
            Data.Set("b"u8, "1"u8, _keyspace.NowMs + 100_000 + i);
            Data.Remove("b"u8);
            if (i % 1_000 == 0) Pass(1);
        }
        Assert.True(_keyspace.Wheel.Count < 150_000, $"{_keyspace.Wheel.Count} nodes");
    }

    [Fact]
    public void A_hundred_thousand_random_expiries_all_come_at_their_time()
    {
        var chance = new Random(3);
        var due = new Dictionary<string, long>();
        for (var i = 0; i < 100_000; i++)
        {
            var key = $"k{chance.Next(30_000)}";
            var at = _keyspace.NowMs + 1 + (long)(Math.Pow(chance.NextDouble(), 4) * 600_000);
            due[key] = at;
            Data.Set(Bytes(key), [], at);
        }
        for (var step = 0; step < 60; step++)
        {
            Pass(10_000);
            // Nothing goes early, and what was due two ticks ago is gone.
            Assert.InRange(Data.Count, due.Values.Count(at => at >= _keyspace.NowMs), due.Values.Count(at => at >= _keyspace.NowMs - 32));
        }
        Pass(100);
        Assert.Equal(0, Data.Count);
    }

    [Fact]
    public void A_step_of_the_wall_clock_is_followed_slowly()
    {
        var steps = new SteppingClock(_clock);
        var clock = new KvClock(steps);
        var before = clock.NowMs;
        steps.Offset = TimeSpan.FromDays(1);
        for (var second = 0; second < 10; second++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            clock.Correct();
        }
        Assert.InRange(clock.NowMs - before, 10_000, 10_060);
    }

    private sealed class SteppingClock(TestClock clock) : TimeProvider
    {
        public TimeSpan Offset { get; set; }

        public override long TimestampFrequency => clock.TimestampFrequency;

        public override long GetTimestamp() => clock.GetTimestamp();

        public override DateTimeOffset GetUtcNow() => clock.GetUtcNow() + Offset;
    }

    private void Pass(long ms)
    {
        _clock.Advance(TimeSpan.FromMilliseconds(ms));
        _keyspace.NowMs = _keyspace.Clock.NowMs;
        while (!_keyspace.Wheel.Advance(_keyspace.NowMs, _keyspace.Expiring, 1_000, _keyspace))
        {
            // Slice by slice.
        }
    }

    private void AssertHolds(Dictionary<string, byte[]> expected)
    {
        Assert.Equal(expected.Count, Data.Count);
        foreach (var (key, value) in expected)
        {
            var block = Data.Find(Bytes(key), out _);
            Assert.True(block != 0, key);
            Assert.True(Data.Open(block).Value.SequenceEqual(value), key);
        }
    }

    private static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);
}
