namespace FeedMall.KvStore.Data;

/// <summary>
/// Collections that no key has any more. Small ones give their blocks back at once; the others wait for the sweeper, which does it in slices: to delete a
/// million members costs the client that asks for it, and all who wait for the lock, no more than to delete one.
/// </summary>
internal sealed class RetiredValues
{
    private const int AtOnce = 64;

    private readonly Queue<KvValue> _values = new();

    /// <summary>Bytes of blocks that are not given back yet. They count as free already, so that nothing is evicted in their place.</summary>
    public long Bytes { get; private set; }

    public void Add(KvValue value)
    {
        if (value.FreeSome(AtOnce)) return;
        Bytes += value.BlockBytes;
        _values.Enqueue(value);
    }

    /// <summary>Gives back some blocks.</summary>
    /// <returns>Whether none are left.</returns>
    public bool FreeSome(int most)
    {
        if (!_values.TryPeek(out var value)) return true;
        var before = value.BlockBytes;
        if (value.FreeSome(most)) _values.Dequeue();
        Bytes -= before - value.BlockBytes;
        return _values.Count == 0;
    }
}
