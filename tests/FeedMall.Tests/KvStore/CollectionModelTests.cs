using System.Text;
using FeedMall.KvStore.Data;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.KvStore;

/// <summary>Random histories of each collection beside the plain collection of the base library that says what is right.</summary>
public sealed class CollectionModelTests
{
    // What is done, to which member, with what; some changes are of many members, so that all forms and sizes of indexes and pages are met.
    private static readonly Arbitrary<List<(int Act, int Member, int Value)>> s_histories =
        Gen.Choose(0, 99).Zip(Gen.Choose(0, 40)).Zip(Gen.Choose(-20, 90)).Select(all => (all.Item1.Item1, all.Item1.Item2, all.Item2)).ListOf().ToArbitrary();

    private readonly Keyspace _keyspace = new(new KvClock(new TestClock()), new TestChance());

    [Fact]
    public void A_hash_holds_what_a_dictionary_holds() => Prop.ForAll(s_histories, history =>
    {
        var expected = new Dictionary<string, string>();
        var hash = new KvHash(_keyspace);
        foreach (var (act, member, value) in history)
        {
            var (name, text) = ($"f{member}", new string('v', Math.Max(value, 0)));
            if (act < 45) Put(hash, expected, name, text);
            else if (act < 90) Assert.Equal(expected.Remove(name), hash.Remove(Bytes(name)));
            else if (act < 97) Enumerable.Range(0, 70).ToList().ForEach(i => Put(hash, expected, $"{name}.{i}", $"{i}"));
            else if (act < 98) Enumerable.Range(0, 1500).ToList().ForEach(i => Put(hash, expected, $"many{i}", $"{value}"));
            else hash = (KvHash)Replaced(hash, hash.Clone());
        }
        Assert.Equal(expected.OrderBy(pair => pair.Key, StringComparer.Ordinal), Walk(hash).OrderBy(pair => pair.Key, StringComparer.Ordinal));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), Scan(hash).Distinct().Order(StringComparer.Ordinal));
        if (expected.Count > 0) Assert.Contains(Text(hash.MemberAt(hash.Random())), expected.Keys);
        AssertAllIsGivenBack(hash);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_list_holds_what_a_list_holds() => Prop.ForAll(s_histories, history =>
    {
        var expected = new List<string>();
        var list = new KvList(_keyspace);
        foreach (var (act, member, value) in history)
        {
            var (name, atFront) = ($"e{member % 7}", value % 2 == 0);
            if (act < 40) Add(list, expected, name, atFront);
            else if (act < 60) Drop(list, expected, Math.Min(Math.Abs(value), expected.Count), atFront);
            else if (act < 70) Assert.Equal(Remove(expected, name, member % 4, atFront), list.Remove(Bytes(name), member % 4, atFront));
            else if (act < 80 && expected.Count > 0) Replace(list, expected, member % expected.Count, name);
            else if (act < 85) Insert(list, expected, Math.Min(member, expected.Count), name);
            else if (act < 97) Enumerable.Range(0, 60 * member).ToList().ForEach(i => Add(list, expected, $"{i}", atFront));
            else list = (KvList)Replaced(list, list.Clone());
        }
        Assert.Equal(expected, Enumerable.Range(0, list.Count).Select(i => Text(list[i])));
        AssertAllIsGivenBack(list);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_sorted_set_has_the_order_and_the_ranks_of_a_sorted_list() => Prop.ForAll(s_histories, history =>
    {
        var expected = new Dictionary<string, double>();
        var set = new KvSortedSet(_keyspace);
        foreach (var (act, member, value) in history)
        {
            var name = $"m{member}";
            if (act < 45) Put(set, expected, name, value / 4.0);
            else if (act < 90) Assert.Equal(expected.Remove(name), set.Remove(Bytes(name)));
            else if (act < 97) Enumerable.Range(0, 70).ToList().ForEach(i => Put(set, expected, $"{name}.{i}", i * value % 13));
            else if (act < 98) Enumerable.Range(0, 1500).ToList().ForEach(i => Put(set, expected, $"many{i}", value));
            else set = (KvSortedSet)Replaced(set, set.Clone());
        }
        var sorted = expected.OrderBy(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal).ToList();
        var nodes = new List<int>();
        set.Collect(0, set.Count, nodes);
        Assert.Equal(sorted, nodes.Select(node => KeyValuePair.Create(Text(set.MemberAt(node)), set.ScoreAt(node))));
        for (var rank = 0; rank < sorted.Count; rank += 1 + rank / 10) Assert.Equal(rank, set.Rank(Bytes(sorted[rank].Key), sorted[rank].Value));
        foreach (var bound in new[] { -5, 0, 3.25, 100 })
        {
            Assert.Equal(sorted.Count(pair => pair.Value < bound), set.CountBelow(bound, orEqual: false));
            Assert.Equal(sorted.Count(pair => pair.Value <= bound), set.CountBelow(bound, orEqual: true));
        }
        AssertAllIsGivenBack(set);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_sorted_set_that_is_filled_in_order_does_not_become_a_long_chain()
    {
        var set = new KvSortedSet(_keyspace);
        for (var i = 0; i < 200_000; i++) set.Put(Bytes($"{i:D6}"), i);
        Assert.Equal(199_999, set.Rank(Bytes("199999"), 199_999));
        Assert.Equal(100_000, set.CountBelow(100_000, orEqual: false));
        AssertAllIsGivenBack(set);
    }

    [Fact]
    public void A_large_collection_is_deleted_at_once_and_given_back_in_slices()
    {
        var set = new KvSet(_keyspace);
        _keyspace[0].Set("s"u8, set);
        for (var i = 0; i < 50_000; i++) set.Add(Bytes($"member:{i}"));
        var blocks = _keyspace.Slabs.UsedBytes;
        Assert.True(blocks > 50_000 * 20);

        Assert.True(_keyspace[0].Remove("s"u8));
        Assert.True(_keyspace.Slabs.UsedBytes > blocks * 0.99);

        var slices = 0;
        for (; !_keyspace.Retired.FreeSome(1000); slices++) { }
        Assert.InRange(slices, 45, 55);
        Assert.Equal(0, _keyspace.Slabs.UsedBytes);
    }

    [Fact]
    public void A_small_collection_costs_a_few_hundred_bytes_at_most()
    {
        var before = _keyspace.UsedBytes;
        var (hash, list, set, sorted) = (new KvHash(_keyspace), new KvList(_keyspace), new KvSet(_keyspace), new KvSortedSet(_keyspace));
        for (var i = 0; i < 5; i++)
        {
            hash.Put(Bytes($"field:{i}"), Bytes($"value:{i}"));
            list.Add(Bytes($"element:{i}"), atFront: false);
            set.Add(Bytes($"member:{i}"));
            sorted.Put(Bytes($"member:{i}"), i);
        }
        Assert.All(new KvValue[] { hash, list, set, sorted }, value => Assert.InRange(value.Bytes + value.BlockBytes, 100, 700));
        Assert.InRange(_keyspace.UsedBytes - before, 400, 2000);
    }

    [Fact]
    public void Random_members_come_equally_often()
    {
        var set = new KvSet(_keyspace);
        for (var i = 0; i < 300; i++) set.Add(Bytes($"member:{i}"));
        var counts = new Dictionary<string, int>();
        for (var i = 0; i < 300_000; i++)
        {
            var member = Text(set.MemberAt(set.Random()));
            counts[member] = counts.GetValueOrDefault(member) + 1;
        }
        // 1,000 each; six standard deviations are 190.
        Assert.Equal(300, counts.Count);
        Assert.All(counts.Values, count => Assert.InRange(count, 800, 1200));
    }

    private static void Put(KvHash hash, Dictionary<string, string> expected, string name, string value)
    {
        Assert.Equal(!expected.ContainsKey(name), hash.Put(Bytes(name), Bytes(value)));
        expected[name] = value;
        Assert.Equal(expected.Count, hash.Count);
        Assert.Equal(value, Text(hash.ValueAt(hash.Find(Bytes(name)))));
    }

    private static void Put(KvSortedSet set, Dictionary<string, double> expected, string name, double score)
    {
        Assert.Equal(expected.TryGetValue(name, out var old), set.TryGetScore(Bytes(name), out var found));
        Assert.Equal(old, found);
        set.Put(Bytes(name), score);
        expected[name] = score;
        Assert.Equal(expected.Count, set.Count);
    }

    private static void Add(KvList list, List<string> expected, string element, bool atFront)
    {
        list.Add(Bytes(element), atFront);
        expected.Insert(atFront ? 0 : expected.Count, element);
    }

    private static void Insert(KvList list, List<string> expected, int at, string element)
    {
        list.Insert(at, Bytes(element));
        expected.Insert(at, element);
    }

    private static void Replace(KvList list, List<string> expected, int at, string element)
    {
        list.Replace(at, Bytes(element));
        expected[at] = element;
    }

    private static void Drop(KvList list, List<string> expected, int count, bool atFront)
    {
        list.Drop(count, atFront);
        expected.RemoveRange(atFront ? 0 : expected.Count - count, count);
    }

    private static int Remove(List<string> expected, string element, int most, bool fromBack)
    {
        var removed = 0;
        for (int i = fromBack ? expected.Count - 1 : 0, left = expected.Count; left > 0; left--)
        {
            var goes = expected[i] == element && (most == 0 || removed < most);
            if (goes)
            {
                removed++;
                expected.RemoveAt(i);
            }
            i += fromBack ? -1 : goes ? 0 : 1;
        }
        return removed;
    }

    private static IEnumerable<KeyValuePair<string, string>> Walk(KvMap map)
    {
        var found = new List<KeyValuePair<string, string>>();
        for (var position = 0L; map.Next(ref position) is var place and not 0;) found.Add(new(Text(map.MemberAt(place)), Text(map.ValueAt(place))));
        return found;
    }

    private static List<string> Scan(KvMap map)
    {
        var places = new List<long>();
        var cursor = KeyIndex.StartCursor;
        do cursor = map.Scan(cursor, 10, places);
        while (cursor != KeyIndex.StartCursor);
        return [.. places.Select(place => Text(map.MemberAt(place)))];
    }

    // A copy takes the place of what it was made from: neither may touch the other's memory.
    private KvValue Replaced(KvValue old, KvValue copy)
    {
        GiveBack(old);
        return copy;
    }

    private void GiveBack(KvValue value)
    {
        _keyspace.Retire(value);
        while (!_keyspace.Retired.FreeSome(1000)) { }
    }

    private void AssertAllIsGivenBack(KvValue value)
    {
        GiveBack(value);
        Assert.Equal((0, 0), (_keyspace.Slabs.UsedBytes, _keyspace.CollectionBytes));
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
