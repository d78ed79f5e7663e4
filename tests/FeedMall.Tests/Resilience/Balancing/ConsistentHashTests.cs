using System.Globalization;
using System.Text;
using FeedMall.Resilience.Balancing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Balancing;

public sealed class ConsistentHashTests
{
    private sealed record Hashes(string Text, string Hash32, string Hash64);

    private sealed record Paper(int Size, int[][] OffsetsAndSkips, int[] Table, int[] WithoutB1);

    private sealed record Growth(int From, int To, double Percent, double Within);

    private sealed record TableMoves(int Size, int Nodes, double Percent, double AtMost);

    private sealed record Moves(Growth[] Jump, Growth[] Remainder, TableMoves[] Maglev);

    private sealed record Arcs(int Points, double Least, double Most, double Within);

    private static readonly Moves s_moves = Vectors.Read<Moves>("hash-moves");
    private static readonly HashNode[] s_ten = [.. Enumerable.Range(0, 10).Select(i => new HashNode($"10.0.0.{i}:80"))];

    [Fact]
    public void The_published_hashes_come_out() => Assert.All(Vectors.Read<Hashes[]>("fnv1a"), row =>
    {
        Assert.Equal(row.Hash32, Fnv1a.Hash32(Encoding.UTF8.GetBytes(row.Text)).ToString("x8", CultureInfo.InvariantCulture));
        Assert.Equal(row.Hash64, Fnv1a.Hash64(Encoding.UTF8.GetBytes(row.Text)).ToString("x16", CultureInfo.InvariantCulture));
        Assert.Equal(Fnv1a.Hash64(Encoding.UTF8.GetBytes(row.Text)), Fnv1a.Hash64(row.Text));
    });

    [Fact]
    public void Texts_of_any_length_and_letter_hash_as_their_bytes() => Assert.All([new string('ä', 170), new string('€', 171), new string('x', 5000)], text =>
        Assert.Equal(Fnv1a.Hash64(Encoding.UTF8.GetBytes(text)), Fnv1a.Hash64(text)));

    [Fact]
    public void The_published_buckets_of_a_jump_hash_come_out() => Assert.All(Vectors.Read<ulong[][]>("jump-hash"), row =>
        Assert.Equal((int)row[2], JumpHash.Bucket(row[0], (int)row[1])));

    [Fact]
    public void A_jump_hash_moves_as_few_keys_as_published_and_to_the_new_bucket_only() => Assert.All(s_moves.Jump, row =>
        Assert.Equal(row.Percent, MovedPercent(row, JumpHash.Bucket, toTheNewOnly: true), row.Within));

    [Fact]
    public void A_remainder_moves_nearly_all_keys() => Assert.All(s_moves.Remainder, row =>
        Assert.Equal(row.Percent, MovedPercent(row, (key, buckets) => (int)(key % (ulong)buckets), toTheNewOnly: false), row.Within));

    private static double MovedPercent(Growth growth, Func<ulong, int, int> bucket, bool toTheNewOnly)
    {
        const int keys = 1_000_000;
        var moved = 0;
        for (ulong i = 0; i < keys; i++)
        {
            var key = Fnv1a.Mix(i);
            var (before, after) = (bucket(key, growth.From), bucket(key, growth.To));
            if (before == after) continue;
            if (toTheNewOnly && after != growth.To - 1) Assert.Fail($"{key} moved from {before} to {after}");
            moved++;
        }
        return 100.0 * moved / keys;
    }

    [Fact]
    public void The_table_of_the_Maglev_paper_comes_out()
    {
        var paper = Vectors.Read<Paper>("maglev");
        var permutations = paper.OffsetsAndSkips.Select(pair => (pair[0], pair[1])).ToArray();
        Assert.Equal(paper.Table, Maglev.Fill(permutations, [1, 1, 1], paper.Size));
        // The paper keeps the names; here the third one is the second that is left.
        Assert.Equal(paper.WithoutB1, Maglev.Fill([permutations[0], permutations[2]], [1, 1], paper.Size).Select(node => node == 1 ? 2 : node));
    }

    [Fact]
    public void A_Maglev_table_is_even_and_moves_little_else_when_a_server_goes() => Assert.All(s_moves.Maglev, row =>
    {
        var full = new Maglev(s_ten, row.Size);
        var counts = Enumerable.Range(0, row.Size).CountBy(place => full.NodeAt(place)).Select(node => node.Value).ToList();
        Assert.Equal(row.Nodes, counts.Count);
        Assert.True(counts.Max() - counts.Min() <= 1);
        foreach (var gone in Enumerable.Range(0, row.Nodes))
        {
            var less = new Maglev([.. s_ten.Where((_, node) => node != gone)], row.Size);
            var moved = Enumerable.Range(0, row.Size).Count(place => full.NodeAt(place) != gone && full.Nodes[full.NodeAt(place)] != less.Nodes[less.NodeAt(place)]);
            Assert.InRange(100 * moved / (row.Size * 0.9), 0, row.AtMost);
        }
    });

    [Fact]
    public void Weights_are_the_shares_of_a_Maglev_table()
    {
        var maglev = new Maglev([new("a", 3), new("b", 2), new("c", 1), new("d", 0.3)]);
        var counts = Enumerable.Range(0, maglev.Places).CountBy(maglev.NodeAt).ToDictionary();
        foreach (var (node, weight) in new[] { (0, 3), (1, 2), (2, 1), (3, 0.3) }) Assert.Equal(weight / 6.3, counts[node] / 65537.0, 0.001);
    }

    [Fact]
    public void The_order_of_the_list_does_not_matter() =>
        Prop.ForAll(Gen.Shuffle(s_ten).Zip(Gen.Choose(0, int.MaxValue)).ToArbitrary(), input =>
        {
            var key = Fnv1a.Mix((ulong)input.Item2);
            foreach (var make in new Func<HashNode[], ConsistentHash>[] { nodes => new Maglev(nodes, 251), nodes => new HashRing(nodes, 20) })
            {
                var (shuffled, sorted) = (make(input.Item1), make(s_ten));
                Assert.Equal(sorted.Nodes[sorted.Find(key)], shuffled.Nodes[shuffled.Find(key)]);
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void More_points_make_the_arcs_of_a_ring_more_even() => Assert.All(Vectors.Read<Arcs[]>("hash-ring"), row =>
    {
        var shares = new HashRing(s_ten, row.Points).Shares();
        Assert.Equal(1, shares.Sum(), 1e-9);
        // The published figures are of another hash.
        Assert.All(shares, share => Assert.InRange(share, row.Least - row.Within, row.Most + row.Within));
    });

    [Fact]
    public void Only_the_keys_of_a_server_that_goes_move_on_a_ring()
    {
        var (full, less) = (new HashRing(s_ten), new HashRing(s_ten[..9]));
        var moved = 0;
        for (ulong i = 0; i < 50_000; i++)
        {
            var (before, after) = (full.Find(Fnv1a.Mix(i)), less.Find(Fnv1a.Mix(i)));
            if (before == 9) moved++;
            else Assert.Equal(before, after);
        }
        Assert.InRange(moved, 3_500, 6_500);
        var heavy = new HashRing([new("a", 3), new("b", 1)], 1000).Shares();
        Assert.InRange(heavy[0], 0.72, 0.78);
        // Beyond the last point comes the first.
        Assert.Equal(full.NodeAt(0), full.Find(ulong.MaxValue));
    }

    [Fact]
    public void A_hot_key_does_not_drown_its_server()
    {
        var load = new BoundedLoad(new Maglev(s_ten));
        for (var i = 0; i < 1000; i++) load.Acquire(42);
        // 1.25 times the fair share each: 8 servers take it all.
        Assert.Equal(1000, load.Loads.Sum());
        Assert.All(load.Loads, each => Assert.InRange(each, 0, 125));
        Assert.Equal(125, load.Loads[new Maglev(s_ten).Find(42)]);
    }

    [Fact]
    public void A_server_that_is_out_gets_nothing_and_when_all_are_out_nobody_does()
    {
        var load = new BoundedLoad(new HashRing(s_ten));
        var own = load.Acquire(42);
        load.Release(own);
        load.SetAvailable(own, false);
        Assert.NotEqual(own, load.Acquire(42));
        for (var node = 0; node < 10; node++) load.SetAvailable(node, node == own);
        // The only one that is left takes everything, bound or not.
        for (var i = 0; i < 20; i++) Assert.Equal(own, load.Acquire((ulong)i));
        load.SetAvailable(own, false);
        Assert.Equal(-1, load.Acquire(42));
        Assert.Equal(21, load.Loads.Sum());
    }

    [Theory]
    [InlineData(65536)]
    [InlineData(7)]
    public void A_table_that_is_no_prime_or_too_small_is_refused(int size) =>
        Assert.Throws<ArgumentOutOfRangeException>("tableSize", () => new Maglev(s_ten, size));

    [Fact]
    public void Servers_need_different_names_and_weights()
    {
        Assert.Throws<ArgumentException>(() => new HashRing([new("a"), new("a")]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new HashRing([new("a", 0)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new HashRing([]));
    }

    [Fact]
    public void Finding_a_server_allocates_nothing()
    {
        var (maglev, ring) = (new Maglev(s_ten, 251), new HashRing(s_ten));
        var load = new BoundedLoad(maglev);
        Assert.Equal(0, Allocations.Of(() =>
        {
            var key = Fnv1a.Mix(Fnv1a.Hash64("10.1.2.3:4567"));
            load.Release(load.Acquire(key));
            ring.Find(key);
        }));
    }

    [Fact]
    public void Many_threads_leave_nothing_under_way()
    {
        var load = new BoundedLoad(new Maglev(s_ten, 251));
        Stress.Run((thread, turn) => load.Release(load.Acquire((ulong)(turn * 8 + thread))));
        Assert.All(load.Loads, each => Assert.Equal(0, each));
        // Nothing is left of the total either, which the bound depends on.
        for (var i = 0; i < 8; i++) load.Acquire(42);
        Assert.Equal(1, load.Loads.Max());
    }
}
