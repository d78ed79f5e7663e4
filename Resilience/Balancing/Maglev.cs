namespace FeedMall.Resilience.Balancing;

/// <summary>
/// Consistent hashing by a table: one read per key, shares that are almost exactly even, and few moves beyond those that are needed. For connections that
/// must reach the same server whichever proxy they come through. (Eisenbud et al., ALGORITHMS §9.6.)
/// </summary>
public sealed class Maglev : ConsistentHash
{
    /// <summary>Entries of the table: enough for 655 servers.</summary>
    public const int DefaultTableSize = 65537;

    private const ulong OffsetSeed = 0x9e3779b97f4a7c15;
    private const ulong SkipSeed = 0xd6e8feb86659fd93;

    private readonly int[] _table;

    /// <summary>Fills the table.</summary>
    /// <param name="nodes">Servers with different names, at most as many as the table has entries. In any order: the table is the same.</param>
    /// <param name="tableSize">A prime, 2 to 10 000 019; 100 times the number of servers or more keeps the shares within 1 %.</param>
    public Maglev(IReadOnlyList<HashNode> nodes, int tableSize = DefaultTableSize) : base(nodes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tableSize, 10_000_019);
        if (!IsPrime(tableSize)) throw new ArgumentOutOfRangeException(nameof(tableSize), tableSize, "not a prime");
        ArgumentOutOfRangeException.ThrowIfLessThan(tableSize, nodes.Count);
        // By name, so that all who list the same servers fill alike.
        int[] order = [.. Enumerable.Range(0, nodes.Count).OrderBy(node => nodes[node].Name, StringComparer.Ordinal)];
        var permutations = order.Select(node => (
            Offset: (int)(HashOf(nodes[node].Name, OffsetSeed) % (ulong)tableSize),
            Skip: (int)(HashOf(nodes[node].Name, SkipSeed) % (ulong)(tableSize - 1)) + 1)).ToArray();
        _table = Fill(permutations, [.. order.Select(node => nodes[node].Weight)], tableSize);
        for (var place = 0; place < tableSize; place++) _table[place] = order[_table[place]];
    }

    internal override int Places => _table.Length;

    internal override int PlaceOf(ulong key) => (int)(key % (ulong)_table.Length);

    internal override int NodeAt(int place) => _table[place];

    /// <summary>
    /// The servers take turns: each takes the next entry of its own permutation of the table that is still free. One of weight w takes its turn in
    /// w / the largest weight of the rounds.
    /// </summary>
    internal static int[] Fill((int Offset, int Skip)[] permutations, double[] weights, int size)
    {
        var table = new int[size];
        Array.Fill(table, -1);
        var next = new long[permutations.Length];
        var credit = new double[permutations.Length];
        var most = weights.Max();
        for (var filled = 0; ;)
        {
            for (var node = 0; node < permutations.Length; node++)
            {
                credit[node] += weights[node] / most;
                // Sums of thirds and tenths fall short of 1 by the last bit.
                if (credit[node] < 1 - 1e-9) continue;
                credit[node]--;
                var (offset, skip) = permutations[node];
                int place;
                do place = (int)((offset + next[node]++ * skip) % size);
                while (table[place] >= 0);
                table[place] = node;
                if (++filled == size) return table;
            }
        }
    }

    private static bool IsPrime(int number)
    {
        if (number < 2) return false;
        for (var divisor = 2; (long)divisor * divisor <= number; divisor++)
            if (number % divisor == 0) return false;
        return true;
    }
}
