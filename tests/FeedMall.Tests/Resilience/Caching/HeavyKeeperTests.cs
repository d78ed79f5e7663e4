using System.Collections.Concurrent;
using FeedMall.Resilience;
using FeedMall.Resilience.Caching;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Caching;

public sealed class HeavyKeeperTests
{
    private sealed record Power(double Decay, int Count, double Value);

    private sealed record DecayTable(Power[] Powers, Power[] HitsToEvict);

    private sealed record Row(double Exponent, int Keys, int Width, double LeastRecall, double MostError);

    private static readonly HeavyKeeperOptions s_few = new() { Keys = 3, FadeEvery = TimeSpan.FromHours(1) };

    private readonly TestClock _clock = new();
    private readonly TestChance _chance = new();

    [Fact]
    public void The_most_frequent_of_many_keys_are_found_and_counted_as_published() => Assert.All(Vectors.Read<Row[]>("heavy-keeper"), row =>
    {
        var keeper = Of(new HeavyKeeperOptions { Keys = row.Keys, Width = row.Width, FadeEvery = TimeSpan.FromHours(1) });
        var names = Enumerable.Range(0, 100_000).Select(key => $"key{key}").ToArray();
        var counts = new int[names.Length];
        foreach (var key in Zipf(row.Exponent, names.Length, 1_000_000))
        {
            counts[key]++;
            keeper.Add(names[key]);
        }
        var truth = counts.Select((count, key) => (names[key], count)).OrderByDescending(each => each.count).Take(row.Keys).ToDictionary();
        var found = keeper.Snapshot();
        Assert.Equal(row.Keys, found.Count);
        Assert.True(found.Count(hot => truth.ContainsKey(hot.Key)) >= row.LeastRecall * row.Keys);
        Assert.All(found.Take(10), hot => Assert.InRange(hot.Count, truth[hot.Key] * (1 - row.MostError), truth[hot.Key]));
    });

    [Fact]
    public void A_stranger_takes_one_off_as_likely_as_published() => Assert.All(Vectors.Read<DecayTable>("heavy-keeper-decay").Powers, row =>
    {
        // Half a percent to either side: what rounding to three figures leaves open.
        foreach (var (chance, takes) in new[] { (row.Value * 0.994, true), (row.Value * 1.006, false) })
        {
            var sketch = new HeavyKeeperSketch(1, 1, row.Decay);
            sketch.Add(1, row.Count, _chance);
            sketch.Add(2, 1, new TestChance(chance));
            Assert.Equal(takes, sketch.Add(1, 1, new TestChance(0.9999)) != row.Count + 1);
        }
    });

    [Fact]
    public void To_drive_a_key_out_costs_as_many_hits_as_published() => Assert.All(Vectors.Read<DecayTable>("heavy-keeper-decay").HitsToEvict, row =>
    {
        const int runs = 2000;
        var (chance, hits) = (new TestChance { Seed = row.Count }, 0L);
        for (var run = 0; run < runs; run++)
        {
            var sketch = new HeavyKeeperSketch(1, 1, row.Decay);
            sketch.Add(1, row.Count, chance);
            do hits++;
            while (sketch.Add(2, 1, chance) == 0);
        }
        Assert.Equal(row.Value, hits / (double)runs, 0.04 * row.Value);
    });

    [Fact]
    public void Alone_in_its_buckets_a_key_is_counted_exactly_and_strangers_never_raise_it() =>
        Prop.ForAll(Gen.Choose(0, 9).Zip(Gen.Choose(1, 5)).ListOf().ToArbitrary(), adds =>
        {
            var keeper = Of(s_few with { Keys = 100 });
            var truth = new Dictionary<string, long>();
            foreach (var (key, times) in adds)
            {
                keeper.Add($"{key}", times);
                truth[$"{key}"] = truth.GetValueOrDefault($"{key}") + times;
            }
            return keeper.Snapshot().ToDictionary(hot => hot.Key, hot => hot.Count).OrderBy(each => each.Key).SequenceEqual(truth.OrderBy(each => each.Key));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_stranger_takes_one_off_with_the_power_of_the_count_and_the_bucket_at_zero()
    {
        // One row of one bucket: all keys share it.
        var sketch = new HeavyKeeperSketch(1, 1, 0.925);
        const double p1 = 0.925, p2 = 0.925 * 0.925;
        Assert.Equal(2u, sketch.Add(1, 2, _chance));
        Assert.Equal(0u, sketch.Add(2, 1, new TestChance(p2)));
        Assert.Equal(0u, sketch.Add(2, 1, new TestChance(p2 - 1e-9)));
        Assert.Equal(0u, sketch.Add(2, 2, new TestChance(p1, p1)));
        // Of three increments the second takes the last one off: two are left, that one included.
        Assert.Equal(2u, sketch.Add(2, 3, new TestChance(p1, p1 - 1e-9)));
        Assert.Equal(0u, sketch.Add(1, 1, new TestChance(p2)));
    }

    [Fact]
    public void Keys_that_share_a_bucket_in_one_row_do_not_share_the_fingerprint()
    {
        // With seeds that depend on each other, many of the 62 other keys of a bucket would count as the same key.
        var sketch = new HeavyKeeperSketch(16, 1, 0.99);
        var never = new TestChance([.. Enumerable.Repeat(0.9999, 2000)]);
        var estimates = Enumerable.Range(0, 1000).Select(key => sketch.Add((ulong)key * 0x9e3779b97f4a7c15, 1, never)).ToList();
        Assert.Equal(16, estimates.Count(estimate => estimate == 1));
        Assert.Equal(984, estimates.Count(estimate => estimate == 0));
    }

    [Fact]
    public void Options_change_without_losing_counts_and_expel_who_is_no_longer_hot()
    {
        var expelled = new List<string>();
        var keeper = new HeavyKeeper(s_few with { Keys = 5 }, _clock, _chance) { Expelled = expelled.Add };
        for (var key = 1; key <= 5; key++) keeper.Add($"{key}", 10 * key);
        keeper.Options = keeper.Options with { Keys = 3 };
        Assert.Equal(["1", "2"], expelled);
        keeper.Options = keeper.Options with { MinCount = 31 };
        Assert.Equal(["1", "2", "3"], expelled);
        Assert.Equal([new HotKey("5", 50), new HotKey("4", 40)], keeper.Snapshot());
        // What was expelled is still counted, and comes back with its count.
        keeper.Options = keeper.Options with { MinCount = 1, Keys = 10, FadeEvery = TimeSpan.FromSeconds(1) };
        Assert.True(keeper.Add("1"));
        Assert.Equal(11, keeper.Snapshot()[2].Count);
        _clock.Advance(TimeSpan.FromSeconds(1.001));
        keeper.Add("5", 2);
        Assert.Equal([new HotKey("5", 27), new HotKey("4", 20), new HotKey("1", 5)], keeper.Snapshot());
        Assert.All((HeavyKeeperOptions[])[s_few with { Width = 64 }, s_few with { Depth = 2 }, s_few with { Decay = 0.9 }],
            options => Assert.Throws<ArgumentException>("value", () => keeper.Options = options));
        Assert.Equal(10, keeper.Options.Keys);
    }

    [Fact]
    public void A_newcomer_must_come_more_often_than_the_least_hot_key_which_is_expelled()
    {
        var expelled = new List<string>();
        var keeper = Of(s_few, expelled);
        foreach (var (key, times) in new[] { ("a", 5), ("b", 3), ("c", 9) }) Assert.True(keeper.Add(key, times));
        Assert.False(keeper.Add("d", 3));
        Assert.False(keeper.IsHot("d"));
        Assert.True(keeper.Add("d"));
        Assert.Equal(["b"], expelled);
        // a is the least now, but has grown since it came in.
        keeper.Add("a", 10);
        Assert.False(keeper.Add("e", 4));
        Assert.True(keeper.Add("e", 1));
        Assert.Equal(["b", "d"], expelled);
        Assert.Equal([new("a", 15), new("c", 9), new("e", 5)], keeper.Snapshot());
    }

    [Fact]
    public void Yesterdays_hot_keys_leave()
    {
        var expelled = new List<string>();
        var keeper = Of(s_few with { FadeEvery = TimeSpan.FromSeconds(10) }, expelled);
        keeper.Add("a", 16);
        keeper.Add("b", 3);
        _clock.Advance(9.9);
        keeper.Add("a");
        Assert.Equal(17, keeper.Snapshot()[0].Count);
        _clock.Advance(0.2);
        keeper.Add("x");
        Assert.Equal([new("a", 8), new("b", 1), new("x", 1)], keeper.Snapshot());
        // Intervals that nobody counted in are made up for.
        _clock.Advance(20);
        keeper.Add("a");
        Assert.Equal([new("a", 3)], keeper.Snapshot());
        Assert.Equal(["b", "x"], expelled.Order());
    }

    [Fact]
    public void Keys_below_the_least_count_and_keys_that_are_too_long_are_not_hot()
    {
        var keeper = Of(s_few with { MinCount = 3 });
        Assert.False(keeper.Add("a", 2));
        Assert.True(keeper.Add("a"));
        Assert.False(keeper.Add(new string('x', HeavyKeeper.MaxKeyLength + 1), 100));
        Assert.Throws<ArgumentOutOfRangeException>(() => keeper.Add("a", 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => keeper.Add("a", HeavyKeeper.MaxTimes + 1));
        Assert.Throws<ArgumentOutOfRangeException>("Decay", () => Of(s_few with { Decay = 1 }));
        Assert.Throws<ArgumentOutOfRangeException>("Width", () => Of(s_few with { Width = 15 }));
        Assert.Single(Of(s_few with { Keys = 1 }).With("a", "b", "a").Snapshot());
    }

    [Fact]
    public void Counting_allocates_nothing_for_hot_keys_nor_for_rare_ones()
    {
        var keeper = Of(s_few).With("a", "b", "c");
        keeper.Add("a", 1000);
        keeper.Add("b", 1000);
        keeper.Add("c", 1000);
        Assert.Equal(0, Allocations.Of(() => keeper.Add("a")));
        var turn = 0;
        string[] rare = [.. Enumerable.Range(0, 100).Select(key => $"rare{key}")];
        Assert.Equal(0, Allocations.Of(() => keeper.Add(rare[turn++ % 100], 1) ));
    }

    [Fact]
    public void Many_threads_count_exactly_as_long_as_nobody_fades()
    {
        var expelled = new ConcurrentQueue<string>();
        var keeper = new HeavyKeeper(new HeavyKeeperOptions { Keys = 8, FadeEvery = TimeSpan.FromDays(1) }, TimeProvider.System, new SystemChance()) { Expelled = expelled.Enqueue };
        string[] keys = [.. Enumerable.Range(0, 8).Select(key => $"hot{key}")];
        Stress.Run((thread, turn) => keeper.Add(keys[(thread + turn) & 7]));
        Assert.Equal(keys.Select(key => new HotKey(key, 1_000_000)), keeper.Snapshot());
        Assert.Empty(expelled);
    }

    [Fact]
    public void Many_threads_find_the_hot_keys_among_many_while_counts_fade()
    {
        var keeper = new HeavyKeeper(new HeavyKeeperOptions { Keys = 8, FadeEvery = TimeSpan.FromMilliseconds(50) }, TimeProvider.System, new SystemChance());
        string[] keys = [.. Enumerable.Range(0, 4096).Select(key => $"key{key}")];
        Stress.Run((thread, turn) => keeper.Add(keys[turn % 2 == 0 ? turn / 2 % 4 : (turn * 7 + thread * 500) & 4095]), turns: 250_000);
        var found = keeper.Snapshot();
        Assert.Equal(keys[..4].Order(), found.Take(4).Select(hot => hot.Key).Order());
        Assert.InRange(found.Count, 4, 8);
    }

    private HeavyKeeper Of(HeavyKeeperOptions options, List<string>? expelled = null) =>
        new(options, _clock, _chance) { Expelled = expelled is null ? null : expelled.Add };

    private static IEnumerable<int> Zipf(double exponent, int keys, int count)
    {
        var sums = new double[keys];
        var sum = 0.0;
        for (var key = 0; key < keys; key++) sums[key] = sum += Math.Pow(key + 1, -exponent);
        var random = new Random(1);
        for (var i = 0; i < count; i++)
        {
            var place = Array.BinarySearch(sums, random.NextDouble() * sum);
            yield return Math.Min(place < 0 ? ~place : place, keys - 1);
        }
    }
}

internal static class KeeperCalls
{
    public static HeavyKeeper With(this HeavyKeeper keeper, params string[] keys)
    {
        foreach (var key in keys) keeper.Add(key);
        return keeper;
    }
}
