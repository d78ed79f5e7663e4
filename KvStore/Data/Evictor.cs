namespace FeedMall.KvStore.Data;

/// <summary>
/// Removes entries when memory is full. Each time it looks at a few random entries and takes the one that the policy can spare best; the next best are
/// remembered and compete again. Guarded by the data lock.
/// </summary>
internal sealed class Evictor(Keyspace keyspace, LiveSettings settings)
{
    private const int MostAtOnce = 4096;
    private const int ProbesPerSample = 256;
    private const int PoolSize = 16;
    private const int FreedAtOnce = 16;

    private readonly List<(Database Database, ulong Hash, byte[] Key, double Score)> _pool = new(PoolSize + 1);

    /// <summary>Evicts until the data fits.</summary>
    /// <returns>Whether it does, or will with the next calls.</returns>
    public bool MakeRoom()
    {
        for (var evicted = 0; keyspace.UsedBytes > settings.MaxMemoryBytes; evicted++)
        {
            if (evicted == MostAtOnce) return true;
            // What is deleted already, but not given back, goes first.
            if (!keyspace.Retired.FreeSome(FreedAtOnce)) continue;
            if (keyspace.UsedBytes > settings.MaxMemoryBytes && !EvictOne()) return false;
        }
        return true;
    }

    private bool EvictOne()
    {
        if (settings.Policy == EvictionPolicy.NoEviction || (IsVolatile && keyspace.Expiring == 0)) return false;
        if (settings.Policy == EvictionPolicy.VolatileTtl) SampleSoonest();
        else SampleAll();
        // Where few entries have an expiry, random ones have hardly ever one: then those that expire soonest are looked at.
        return EvictBest() || (IsVolatile && SampleSoonest() && EvictBest());
    }

    private bool EvictBest()
    {
        while (_pool.Count > 0)
        {
            var (database, _, key, _) = _pool[^1];
            _pool.RemoveAt(_pool.Count - 1);
            // It may have gone, or lost its expiry, since it was looked at.
            var block = database.Find(key, out var hash, isUse: false);
            if (block == 0 || (IsVolatile && !database.Open(block).HasExpiry)) continue;
            keyspace.Journal?.Delete(database.Number, key);
            database.Remove(hash, block);
            keyspace.Evicted++;
            return true;
        }
        return false;
    }

    private bool IsVolatile => settings.Policy >= EvictionPolicy.VolatileLru;

    private void SampleAll()
    {
        foreach (var database in keyspace.Used)
            if (database.Count > 0) Sample(database);
    }

    private bool SampleSoonest()
    {
        var soonest = new List<(Database Database, long Block)>(PoolSize);
        keyspace.CollectSoonest(PoolSize, soonest);
        foreach (var (database, block) in soonest) Remember(database, database.Open(block));
        return soonest.Count > 0;
    }

    private void Sample(Database database)
    {
        if (IsVolatile && database.Expiring == 0) return;
        for (var sample = 0; sample < settings.EvictionSamples; sample++)
        {
            var block = 0L;
            for (var probe = 0; probe < ProbesPerSample; probe++)
            {
                block = database.Sample((uint)(keyspace.Chance.NextDouble() * uint.MaxValue));
                if (block == 0 || !IsVolatile || database.Open(block).HasExpiry) break;
            }
            if (block == 0) return;
            var entry = database.Open(block);
            if (!IsVolatile || entry.HasExpiry) Remember(database, entry);
        }
    }

    private void Remember(Database database, Entry entry)
    {
        var score = Score(entry);
        if (_pool.Count == PoolSize && score <= _pool[0].Score) return;
        var hash = keyspace.Hash.Of(entry.Key);
        foreach (var known in _pool)
            if (known.Hash == hash && known.Database == database) return;
        var at = 0;
        while (at < _pool.Count && _pool[at].Score < score) at++;
        _pool.Insert(at, (database, hash, entry.Key.ToArray(), score));
        if (_pool.Count > PoolSize) _pool.RemoveAt(0);
    }

    // The higher, the sooner it goes.
    private double Score(Entry entry) => settings.Policy switch
    {
        EvictionPolicy.AllKeysLru or EvictionPolicy.VolatileLru => keyspace.Access.IdleSeconds(entry.Access),
        EvictionPolicy.AllKeysLfu or EvictionPolicy.VolatileLfu => -(double)keyspace.Access.Frequency(entry.Access),
        EvictionPolicy.VolatileTtl => -(double)entry.ExpireAt,
        _ => keyspace.Chance.NextDouble(),
    };
}
