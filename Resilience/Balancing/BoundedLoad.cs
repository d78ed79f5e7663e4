namespace FeedMall.Resilience.Balancing;

/// <summary>
/// A consistent hash whose servers take at most c times their fair share of what is under way: what is too much for a server goes to the next one
/// of the table or the ring, so one hot key cannot drown its server. (ALGORITHMS §9.6.)
/// </summary>
/// <remarks>Thread safe; allocates nothing. Threads that acquire at the same moment see each other's places, so the bound holds for each moment's total.</remarks>
public sealed class BoundedLoad
{
    /// <summary>c.</summary>
    public const double DefaultFactor = 1.25;

    private readonly ConsistentHash _hash;
    private readonly double _factor;
    private readonly double[] _shares;
    private readonly int[] _loads;
    private readonly bool[] _isOut;
    private int _total;

    /// <summary>Nothing is under way.</summary>
    /// <param name="hash">Who is asked first.</param>
    /// <param name="factor">c, 1.01 to 100.</param>
    public BoundedLoad(ConsistentHash hash, double factor = DefaultFactor)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 1.01);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(factor, 100);
        (_hash, _factor) = (hash, factor);
        var sum = hash.Nodes.Sum(node => node.Weight);
        _shares = [.. hash.Nodes.Select(node => node.Weight / sum)];
        _loads = new int[_shares.Length];
        _isOut = new bool[_shares.Length];
    }

    /// <summary>What is under way at each server.</summary>
    public IReadOnlyList<int> Loads => [.. _loads];

    /// <summary>Takes a server out, or back in. What is under way there stays counted.</summary>
    public void SetAvailable(int node, bool isAvailable) => Volatile.Write(ref _isOut[node], !isAvailable);

    /// <summary>The server for a key, counted as under way until <see cref="Release"/>; −1 when none is available.</summary>
    public int Acquire(ulong key)
    {
        var total = Interlocked.Increment(ref _total);
        var place = _hash.PlaceOf(key);
        var fallback = -1;
        for (var step = 0; step < _hash.Places; step++, place = place + 1 == _hash.Places ? 0 : place + 1)
        {
            var node = _hash.NodeAt(place);
            if (Volatile.Read(ref _isOut[node])) continue;
            if (TryTake(node, total)) return node;
            // All that are left may be full, when others are out: then the key's own server takes it.
            if (fallback < 0) fallback = node;
        }
        if (fallback < 0) Interlocked.Decrement(ref _total);
        else Interlocked.Increment(ref _loads[fallback]);
        return fallback;
    }

    /// <summary>Ends what was acquired. Exactly once for each.</summary>
    public void Release(int node)
    {
        Interlocked.Decrement(ref _loads[node]);
        Interlocked.Decrement(ref _total);
    }

    private bool TryTake(int node, int total)
    {
        var most = (int)Math.Ceiling(_factor * total * _shares[node]);
        var load = Volatile.Read(ref _loads[node]);
        while (load < most)
        {
            var seen = Interlocked.CompareExchange(ref _loads[node], load + 1, load);
            if (seen == load) return true;
            load = seen;
        }
        return false;
    }
}
