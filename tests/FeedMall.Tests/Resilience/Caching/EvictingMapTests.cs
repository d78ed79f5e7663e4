using FeedMall.Resilience.Caching;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Caching;

public sealed class EvictingMapTests
{
    [Fact]
    public void A_scan_does_not_drive_out_what_is_in_use()
    {
        var map = new EvictingMap<int, string>(1000, long.MaxValue);
        var inUse = Enumerable.Range(0, 800).ToList();
        for (var round = 0; round < 2; round++)
            foreach (var key in inUse)
                if (!map.TryGet(key, out _)) map.Set(key, "", 1);
        for (var key = 10_000; key < 110_000; key++) map.Set(key, "", 1);
        Assert.Equal(inUse, inUse.Where(key => map.TryGet(key, out _)));
        Assert.Equal(1000, map.Count);
    }

    [Fact]
    public void What_is_no_longer_in_use_goes()
    {
        var map = new EvictingMap<int, string>(100, long.MaxValue);
        Use(map, 0, 100);
        Use(map, 1000, 100);
        Assert.DoesNotContain(Enumerable.Range(0, 100), key => map.TryGet(key, out _));

        static void Use(EvictingMap<int, string> map, int first, int count)
        {
            for (var round = 0; round < 200; round++)
                for (var key = first; key < first + count; key++)
                    if (!map.TryGet(key, out _)) map.Set(key, "", 1);
        }
    }

    [Fact]
    public void Popular_keys_are_hit_more_often_than_in_a_queue()
    {
        // Zipf(1) over 10 000 keys and room for 500.
        var random = new Random(1);
        var sums = new double[10_000];
        for (var (i, sum) = (0, 0.0); i < sums.Length; i++) sums[i] = sum += 1.0 / (i + 1);
        var map = new EvictingMap<int, string>(500, long.MaxValue);
        var (queue, queued) = (new Queue<int>(), new HashSet<int>());
        var (hits, hitsInQueue) = (0, 0);
        for (var i = 0; i < 200_000; i++)
        {
            var key = Math.Abs(Array.BinarySearch(sums, random.NextDouble() * sums[^1]));
            if (map.TryGet(key, out _)) hits++;
            else map.Set(key, "", 1);
            if (queued.Contains(key)) hitsInQueue++;
            else
            {
                queue.Enqueue(key);
                queued.Add(key);
                if (queue.Count > 500) queued.Remove(queue.Dequeue());
            }
        }
        // The 500 most popular keys make 69 % of the requests: no policy can do much better.
        Assert.InRange(hits / 200_000.0, 0.62, 0.70);
        Assert.True(hits > hitsInQueue * 1.08, $"{hits} and {hitsInQueue}");
    }

    [Fact]
    public void It_holds_what_was_set_last_and_never_more_than_its_bounds() =>
        // Each step is a key, and a weight: 0 removes, negative reads.
        Prop.ForAll(Gen.Choose(0, 12).Zip(Gen.Choose(-6, 12)).ListOf().ToArbitrary(), steps =>
        {
            var map = new EvictingMap<int, string>(5, 20);
            var last = new Dictionary<int, (string Value, int Weight)>();
            foreach (var (key, weight) in steps)
            {
                if (weight == 0) Assert.Equal(map.TryGet(key, out _), map.Remove(key));
                else if (weight < 0) map.TryGet(key, out _);
                else
                {
                    last[key] = ($"{key} {last.Count} {weight}", weight);
                    map.Set(key, last[key].Value, weight);
                    Assert.True(map.TryGet(key, out _));
                }
                if (weight == 0) last.Remove(key);
                var there = Enumerable.Range(0, 13).Where(each => map.TryGet(each, out _)).ToList();
                Assert.Equal(there.Count, map.Count);
                Assert.Equal(there.Sum(each => last[each].Weight), map.Weight);
                Assert.True(map.Count <= 5 && map.Weight <= 20);
                Assert.All(there, each => Assert.True(map.TryGet(each, out var value) && value == last[each].Value));
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_key_that_was_evicted_twice_is_remembered_from_the_second_time_on()
    {
        var map = new EvictingMap<int, string>(10, long.MaxValue);
        void Scan(int first, int count)
        {
            for (var key = first; key < first + count; key++) map.Set(key, "", 1);
        }

        map.Set(1, "", 1);
        Scan(100, 10);
        Assert.False(map.TryGet(1, out _));
        // It comes again, to the main queue, goes, and comes as a stranger.
        map.Set(1, "", 1);
        map.Remove(1);
        map.Set(1, "", 1);
        // Half of those before it go by themselves, so that it is evicted five evictions later.
        for (var key = 101; key <= 105; key++) Assert.True(map.Remove(key));
        Scan(200, 10);
        Assert.False(map.TryGet(1, out _));
        // Of the evictions that are known its first one is the oldest, and leaves.
        Scan(300, 4);
        map.Set(1, "", 1);
        Scan(400, 100);
        Assert.True(map.TryGet(1, out _));
    }

    [Fact]
    public void What_is_remembered_of_evicted_keys_is_bounded_also_after_the_bounds_shrink()
    {
        var map = new EvictingMap<int, string>(100, long.MaxValue);
        for (var turn = 0; turn < 10_000; turn++)
        {
            // Half of them come again and again.
            map.Set(turn % 2 == 0 ? turn : turn % 331, "", 1);
            Assert.InRange(map.Remembered, 0, 100);
        }
        Assert.InRange(map.Remembered, 30, 100);
        map.Resize(10, long.MaxValue);
        Assert.InRange(map.Remembered, 1, 10);
        map.Clear();
        Assert.Equal(0, map.Remembered);
    }

    [Fact]
    public void What_is_heavier_than_all_the_room_is_not_taken_and_does_not_leave_the_old_value_either()
    {
        var map = new EvictingMap<int, string>(5, 20);
        Assert.True(map.Set(1, "light", 3));
        Assert.False(map.Set(1, "heavy", 21));
        Assert.False(map.TryGet(1, out _));
        Assert.Equal((0, 0L), (map.Count, map.Weight));
    }

    [Fact]
    public void Smaller_bounds_evict_at_once_and_in_use_or_not()
    {
        var map = new EvictingMap<int, string>(1000, long.MaxValue);
        for (var key = 0; key < 1000; key++) map.Set(key, "", 2);
        for (var key = 0; key < 1000; key++) map.TryGet(key, out _);
        map.Resize(300, 500);
        Assert.Equal((250, 500L, 750L), (map.Count, map.Weight, map.Evicted));
        map.Clear();
        Assert.Equal((0, 0L), (map.Count, map.Weight));
    }
}
