namespace FeedMall.KvStore.Data;

/// <summary>What no key leads to any more, but whose blocks are not free yet.</summary>
internal interface IRetired
{
    /// <summary>Gives back some of its blocks.</summary>
    /// <returns>Whether all have been given back.</returns>
    bool FreeSome(int most);
}

/// <summary>
/// Collections that were deleted and databases that were flushed. Small ones give their blocks back at once; the others wait for the sweeper and
/// for the batches of commands that follow, which do it in slices: to delete a million members costs the client that asks for it, and all who wait for the lock, no more than to delete one. Until then they
/// count as used; when memory is short, they go before anything is evicted.
/// </summary>
internal sealed class RetiredValues
{
    /// <summary>What is given back at once.</summary>
    public const int AtOnce = 64;

    private readonly Queue<IRetired> _values = new();

    public bool IsEmpty => _values.Count == 0;

    public void Add(IRetired value)
    {
        if (!value.FreeSome(AtOnce)) _values.Enqueue(value);
    }

    /// <summary>Gives back some blocks.</summary>
    /// <returns>Whether none are left.</returns>
    public bool FreeSome(int most)
    {
        if (_values.TryPeek(out var value) && value.FreeSome(most)) _values.Dequeue();
        return _values.Count == 0;
    }
}

/// <summary>All that was in a database when it was flushed.</summary>
internal sealed class RetiredIndex : IRetired
{
    private readonly Keyspace _keyspace;
    private readonly KeyIndex _index;
    private long _position;

    public RetiredIndex(Keyspace keyspace, KeyIndex index)
    {
        (_keyspace, _index) = (keyspace, index);
        keyspace.Resized(index.Bytes);
    }

    public bool FreeSome(int most)
    {
        while (most > 0)
        {
            var block = _index.Next(ref _position);
            if (block == 0)
            {
                _keyspace.Resized(-_index.Bytes);
                return true;
            }
            var value = _keyspace.TakeObject(block);
            _keyspace.Slabs.Free(block);
            if (value is not null) _keyspace.Retire(value);
            most -= 1 + Math.Min(value?.Count ?? 0, RetiredValues.AtOnce);
        }
        return false;
    }
}
