namespace FeedMall.Resilience.Balancing;

/// <summary>
/// Consistent hashing by a ring: each server owns the arcs before its points, and only those move when it goes. Shares are even within about 12 % with 160
/// points per server; <see cref="Maglev"/> is more even and faster, and moves a little more. (As ketama does it, ALGORITHMS §9.6.)
/// </summary>
public sealed class HashRing : ConsistentHash
{
    /// <summary>Points of a server of average weight.</summary>
    public const int DefaultPoints = 160;

    private readonly ulong[] _points;
    private readonly int[] _owners;

    /// <summary>Lays the points.</summary>
    /// <param name="nodes">Servers with different names, in any order.</param>
    /// <param name="points">Of a server of the largest weight, 1 to 10 000; others get fewer by their weight, but one at least.</param>
    public HashRing(IReadOnlyList<HashNode> nodes, int points = DefaultPoints) : base(nodes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(points, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(points, 10_000);
        var most = nodes.Max(node => node.Weight);
        var laid = nodes.SelectMany((node, number) => Enumerable.Range(0, Math.Max(1, (int)Math.Round(points * node.Weight / most)))
                .Select(point => (Hash: HashOf(node.Name, Fnv1a.Mix((ulong)point + 1)), Number: number)))
            .OrderBy(point => point.Hash).ThenBy(point => nodes[point.Number].Name, StringComparer.Ordinal).ToList();
        _points = [.. laid.Select(point => point.Hash)];
        _owners = [.. laid.Select(point => point.Number)];
    }

    internal override int Places => _points.Length;

    /// <summary>The first point at or after the key; after the last one comes the first.</summary>
    internal override int PlaceOf(ulong key)
    {
        var place = Array.BinarySearch(_points, key);
        if (place < 0) place = ~place;
        return place == _points.Length ? 0 : place;
    }

    internal override int NodeAt(int place) => _owners[place];

    /// <summary>The part of the ring that each server owns.</summary>
    internal double[] Shares()
    {
        var shares = new double[Nodes.Count];
        for (var place = 0; place < _points.Length; place++)
        {
            // Wraps around at the first point.
            var arc = _points[place] - _points[place == 0 ? _points.Length - 1 : place - 1];
            shares[_owners[place]] += _points.Length == 1 ? 1 : arc / Math.Pow(2, 64);
        }
        return shares;
    }
}
