using FeedMall.KvStore.Persistence;
using FeedMall.Resilience;

namespace FeedMall.KvStore.Data;

/// <summary>All databases and the memory they share. Everything in it is guarded by <see cref="Gate"/>.</summary>
internal sealed class Keyspace : IExpiring
{
    /// <summary>How many databases SELECT knows.</summary>
    public const int DatabaseCount = 16;

    private readonly Database?[] _databases = new Database?[DatabaseCount];
    private readonly List<long> _tagged = [];

    public Keyspace(KvClock clock, IChance chance)
    {
        (Clock, Chance) = (clock, chance);
        Access = new AccessMark(clock, chance);
        Wheel = new ExpiryWheel(clock.NowMs);
    }

    /// <summary>The one lock of the data: commands take it once for a batch, the sweeper once for a slice. <see cref="GateQueue"/> is how one waits for it.</summary>
    public GateQueue Gate { get; } = new();

    public KvClock Clock { get; }

    public IChance Chance { get; }

    public Slabs Slabs { get; } = new();

    public ObjectTable Objects { get; } = new();

    public RetiredValues Retired { get; } = new();

    public Watches Watches { get; } = new();

    public KeyHash Hash { get; } = new();

    public AccessMark Access { get; }

    public ExpiryWheel Wheel { get; }

    /// <summary>Where changes are written down; null: nowhere.</summary>
    public Journal? Journal { get; set; }

    /// <summary>Entries with an expiry in all databases.</summary>
    public long Expiring { get; set; }

    /// <summary>Entries removed because their time had come, since the start or CONFIG RESETSTAT.</summary>
    public long Expired { get; set; }

    /// <summary>Entries removed because memory was full.</summary>
    public long Evicted { get; set; }

    /// <summary>Reads that found their key, and that did not.</summary>
    public long Hits { get; set; }

    /// <summary>Reads that did not find their key.</summary>
    public long Misses { get; set; }

    /// <summary>Changes of keys since the start.</summary>
    public long Changes { get; set; }

    /// <summary>Bytes of all data: entries with what their blocks lose, indexes, expiries, collections.</summary>
    public long UsedBytes
    {
        get
        {
            var bytes = Slabs.UsedBytes + CollectionBytes + Wheel.Bytes - Retired.Bytes;
            foreach (var database in _databases) bytes += database?.IndexBytes ?? 0;
            return bytes;
        }
    }

    /// <summary>Bytes of collections beside their blocks.</summary>
    public long CollectionBytes { get; private set; }

    /// <summary>Time of the batch or slice that holds the lock.</summary>
    public long NowMs { get; set; }

    /// <summary>Entries in all databases.</summary>
    public long Count => _databases.Sum(database => database?.Count ?? 0);

    /// <summary>A database by its number.</summary>
    public Database this[int number] => _databases[number] ??= new Database(this, number);

    /// <summary>The databases that were ever used.</summary>
    public IEnumerable<Database> Used => _databases.OfType<Database>();

    /// <summary>Exchanges two databases: every client sees it at once.</summary>
    public void Swap(int one, int other)
    {
        var (first, second) = (this[one], this[other]);
        Watches.TouchAll((database, key) => (database == one || database == other) && (first.Has(key) || second.Has(key)));
        first.SwapContent(second);
        Changes++;
    }

    /// <summary>A collection has changed its size.</summary>
    public void Resized(long bytes) => CollectionBytes += bytes;

    /// <summary>A collection has lost its key.</summary>
    public void Retire(KvValue value)
    {
        CollectionBytes -= value.Bytes;
        Retired.Add(value);
    }

    /// <summary>A key was written, removed or has expired: every effect comes by here, so a journal would listen here too.</summary>
    public void NoteChange(int database, ReadOnlySpan<byte> key)
    {
        Changes++;
        if (Watches.Count > 0) Watches.Touch(database, Hash.Of(key), key);
    }

    /// <summary>Sets the entry's node in the wheel unless it has one in time.</summary>
    public void Schedule(int database, ulong hash, Entry entry, bool isNew)
    {
        var tick = Wheel.TickOf(entry.ExpireAt);
        if (!isNew && Wheel.Covers(entry.NodeTick, tick)) return;
        entry.NodeTick = tick;
        Wheel.Add(new WheelNode(database, hash, tick));
    }

    /// <inheritdoc/>
    public void Fire(WheelNode node, uint tick)
    {
        if (_databases[node.Database] is not { } database) return;
        _tagged.Clear();
        database.FindTagged(node, _tagged);
        foreach (var block in _tagged)
        {
            var entry = new Entry(Slabs.Open(block));
            if (!entry.HasExpiry || (entry.NodeTick & WheelNode.TickMask) != tick) continue;
            var hash = Hash.Of(entry.Key);
            if (NowMs > entry.ExpireAt) database.Expire(hash, block);
            else Schedule(node.Database, hash, entry, isNew: true);
        }
    }

    /// <inheritdoc/>
    public bool IsWanted(WheelNode node)
    {
        if (_databases[node.Database] is not { } database) return false;
        _tagged.Clear();
        database.FindTagged(node, _tagged);
        foreach (var block in _tagged)
        {
            var entry = new Entry(Slabs.Open(block));
            if (entry.HasExpiry && (entry.NodeTick & WheelNode.TickMask) == node.Tick) return true;
        }
        return false;
    }
}
