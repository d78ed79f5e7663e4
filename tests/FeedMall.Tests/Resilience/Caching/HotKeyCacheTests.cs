using FeedMall.Resilience;
using FeedMall.Resilience.Caching;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Resilience.Caching;

public sealed class HotKeyCacheTests
{
    private static readonly HotKeyOptions s_options = new() { Hot = new HeavyKeeperOptions { Keys = 10, MinCount = 5 } };

    private readonly TestClock _clock = new();

    [Fact]
    public void Only_hot_keys_are_copied_and_only_for_a_short_time()
    {
        var cache = Of(s_options);
        Assert.False(cache.TryGet("a", out _));
        Assert.False(cache.Offer("a", "v"));
        for (var i = 0; i < 4; i++) Assert.False(cache.TryGet("a", out _));
        Assert.True(cache.Offer("a", "v"));
        _clock.Advance(0.999);
        Assert.True(cache.TryGet("a", out var value));
        Assert.Equal("v", value);
        _clock.Advance(0.002);
        Assert.False(cache.TryGet("a", out _));
        Assert.Equal((1, 6), (cache.Snapshot().Hits, cache.Snapshot().Misses));
    }

    [Fact]
    public void The_lists_decide_before_the_counts()
    {
        var cache = Of(s_options with { Always = ["config", "~^feature:"], Never = ["hot", "~:secret$"] });
        Assert.True(cache.Offer("config", "v"));
        Assert.True(cache.Offer("feature:x", "v"));
        Assert.False(cache.Offer("feature:secret", "v"));
        Assert.False(cache.Offer("a feature:", "v"));
        for (var i = 0; i < 10; i++) cache.TryGet("hot", out _);
        Assert.False(cache.Offer("hot", "v"));
        Assert.Throws<ArgumentException>("Never", () => Of(s_options with { Never = ["~("] }));
        Assert.Throws<ArgumentException>("Always", () => Of(s_options with { Always = ["~(a)\\1"] }));
        Assert.Throws<ArgumentOutOfRangeException>("TimeToLive", () => Of(s_options with { TimeToLive = TimeSpan.FromSeconds(4) }));
    }

    [Fact]
    public void A_key_that_is_no_longer_hot_leaves_at_once()
    {
        var cache = Of(s_options with { Hot = new HeavyKeeperOptions { Keys = 1, MinCount = 5 }, TimeToLive = TimeSpan.FromSeconds(3) });
        for (var i = 0; i < 5; i++) cache.TryGet("a", out _);
        Assert.True(cache.Offer("a", "v"));
        for (var i = 0; i < 6; i++) cache.TryGet("b", out _);
        Assert.Equal(0, cache.Snapshot().Copies);
        Assert.Equal(new HotKey("b", 6), Assert.Single(cache.Snapshot().HotKeys));
    }

    [Fact]
    public void A_copy_can_be_dropped_and_there_are_never_too_many()
    {
        var cache = Of(new HotKeyOptions { Capacity = 20, Always = ["~."] });
        for (var key = 0; key < 100; key++) Assert.True(cache.Offer($"{key}", "v"));
        Assert.Equal((20, 80), (cache.Snapshot().Copies, cache.Snapshot().Evicted));
        Assert.True(cache.TryGet("99", out _));
        cache.Remove("99");
        Assert.False(cache.TryGet("99", out _));
        Assert.False(cache.Offer(new string('x', 513), "v"));
    }

    [Fact]
    public void Options_change_without_losing_copies_or_counts()
    {
        var cache = Of(s_options);
        foreach (var key in (string[])["a", "b", "c", "d"])
        {
            for (var i = 0; i < 10; i++) cache.TryGet(key, out _);
            Assert.True(cache.Offer(key, "v"));
        }
        cache.Options = s_options with { Capacity = 3, TimeToLive = TimeSpan.FromSeconds(3), Never = ["b"], Hot = s_options.Hot with { MinCount = 8 } };
        Assert.Equal((3, 4), (cache.Snapshot().Copies, cache.Snapshot().HotKeys.Count));
        Assert.False(cache.TryGet("b", out _));
        Assert.False(cache.Offer("b", "v"));
        // The copies that were there end as they came; a new one stays longer.
        _clock.Advance(0.5);
        Assert.True(cache.Offer("d", "v"));
        _clock.Advance(1);
        Assert.False(cache.TryGet("c", out _));
        Assert.True(cache.TryGet("d", out _));
        // One of the four stays hot.
        cache.TryGet("d", out _);
        cache.Options = cache.Options with { Hot = cache.Options.Hot with { Keys = 1 } };
        Assert.Equal("d", Assert.Single(cache.Snapshot().HotKeys).Key);
        Assert.Throws<ArgumentOutOfRangeException>("TimeToLive", () => cache.Options = s_options with { TimeToLive = TimeSpan.Zero });
        Assert.Throws<ArgumentException>(() => cache.Options = s_options with { Hot = s_options.Hot with { Width = 64 } });
        Assert.Equal(3, cache.Options.TimeToLive.TotalSeconds);
    }

    [Fact]
    public void Reading_allocates_nothing()
    {
        var cache = new HotKeyCache<string>(s_options, TimeProvider.System, new SystemChance());
        Assert.Equal(0, Allocations.Of(() => cache.TryGet("a", out _)));
    }

    [Fact]
    public void Many_threads_read_what_belongs_to_their_key()
    {
        var cache = new HotKeyCache<string>(new HotKeyOptions { Capacity = 20, Hot = s_options.Hot }, TimeProvider.System, new SystemChance());
        string[] keys = [.. Enumerable.Range(0, 64).Select(key => $"key{key}")];
        Stress.Run((thread, turn) =>
        {
            var key = keys[turn % 4 == 0 ? (turn >> 2) & 63 : turn & 3];
            if (cache.TryGet(key, out var value)) Assert.Same(key, value);
            else if ((turn & 63) == 0) cache.Offer(key, key);
            if ((turn & 4095) == 4095) cache.Remove(key);
        });
        var snapshot = cache.Snapshot();
        Assert.Equal(8_000_000, snapshot.Hits + snapshot.Misses);
        Assert.InRange(snapshot.Copies, 1, 20);
    }

    private HotKeyCache<string> Of(HotKeyOptions options) => new(options, _clock, new TestChance());
}
