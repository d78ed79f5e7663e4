namespace FeedMall.KvStore.Data;

/// <summary>Somebody who wants to know whether certain keys change.</summary>
internal sealed class Watcher
{
    /// <summary>The keys, each with its hash.</summary>
    public List<(int Database, ulong Hash, byte[] Key)> Keys { get; } = [];

    /// <summary>Whether one of them has changed since.</summary>
    public bool IsTouched { get; set; }
}

/// <summary>Who watches which key. Guarded by the data lock.</summary>
internal sealed class Watches
{
    private readonly Dictionary<ulong, List<(Watcher Watcher, int Database, byte[] Key)>> _byHash = [];

    /// <summary>How many hashes of keys are watched.</summary>
    public int Count => _byHash.Count;

    /// <summary>Begins to watch a key; a second time does nothing.</summary>
    /// <returns>Whether it is new.</returns>
    public bool Add(Watcher watcher, int database, ulong hash, ReadOnlySpan<byte> key)
    {
        if (!_byHash.TryGetValue(hash, out var list)) _byHash[hash] = list = [];
        foreach (var known in list)
            if (known.Watcher == watcher && known.Database == database && key.SequenceEqual(known.Key)) return false;
        var copy = key.ToArray();
        list.Add((watcher, database, copy));
        watcher.Keys.Add((database, hash, copy));
        return true;
    }

    /// <summary>Watches nothing any more for somebody.</summary>
    public void Remove(Watcher watcher)
    {
        foreach (var (_, hash, _) in watcher.Keys)
        {
            if (!_byHash.TryGetValue(hash, out var list)) continue;
            list.RemoveAll(known => known.Watcher == watcher);
            if (list.Count == 0) _byHash.Remove(hash);
        }
        watcher.Keys.Clear();
        watcher.IsTouched = false;
    }

    /// <summary>A key has changed.</summary>
    public void Touch(int database, ulong hash, ReadOnlySpan<byte> key)
    {
        if (!_byHash.TryGetValue(hash, out var list)) return;
        foreach (var known in list)
            if (known.Database == database && key.SequenceEqual(known.Key)) known.Watcher.IsTouched = true;
    }

    /// <summary>Many keys have changed at once.</summary>
    public void TouchAll(Func<int, byte[], bool> changed)
    {
        if (Count == 0) return;
        foreach (var (watcher, database, key) in _byHash.Values.SelectMany(list => list).ToList())
            if (!watcher.IsTouched && changed(database, key)) watcher.IsTouched = true;
    }
}
