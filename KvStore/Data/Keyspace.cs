using System.Runtime.InteropServices;
using FeedMall.KvStore.Persistence;
using FeedMall.Resilience;

namespace FeedMall.KvStore.Data;

/// <summary>All databases and the memory they share. Everything in it is guarded by <see cref="Gate"/>.</summary>
internal sealed class Keyspace : IExpiring
{
    /// <summary>How many databases SELECT knows.</summary>
    public const int DatabaseCount = 16;

    private readonly Database?[] _databases = new Database?[DatabaseCount]; // by number
    private readonly Database?[] _bySlot = new Database?[DatabaseCount];
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

    /// <summary>Bytes of all data, which the memory limit is for: entries with what their blocks lose, indexes, expiries, collections.</summary>
    public long UsedBytes => Slabs.UsedBytes + BesideBlocks;

    /// <summary>The same with all that the process has taken for it: free blocks between those that are used cost memory too.</summary>
    public long TakenBytes => Slabs.TakenBytes + BesideBlocks;

    private long BesideBlocks
    {
        get
        {
            var bytes = CollectionBytes + Wheel.Bytes;
            foreach (var database in _databases) bytes += database?.IndexBytes ?? 0;
            return bytes;
        }
    }

    /// <summary>Bytes of collections beside their blocks.</summary>
    public long CollectionBytes { get; private set; }

    /// <summary>Time of the batch or slice that holds the lock.</summary>
    public long NowMs { get; set; }

    /// <summary>Entries in all databases.</summary>
    public long Count
    {
        get
        {
            var count = 0L;
            foreach (var database in _databases) count += database?.Count ?? 0;
            return count;
        }
    }

    /// <summary>A database by its number.</summary>
    public Database this[int number] => _databases[number] ?? Create(number);

    /// <summary>The databases that were ever used.</summary>
    public IEnumerable<Database> Used => _databases.OfType<Database>();

    /// <summary>Exchanges two databases: every client sees it at once, and it takes no time however large they are.</summary>
    public void Swap(int one, int other)
    {
        var (first, second) = (this[one], this[other]);
        Watches.TouchAll((database, key) => (database == one || database == other) && (first.Has(key) || second.Has(key)));
        (first.Number, second.Number) = (other, one);
        (_databases[one], _databases[other]) = (second, first);
        Changes++;
    }

    /// <summary>A collection has changed its size.</summary>
    public void Resized(long bytes) => CollectionBytes += bytes;

    /// <summary>Takes the collection out of an entry that holds one.</summary>
    public KvValue? TakeObject(long block)
    {
        var entry = new Entry(Slabs.Open(block));
        return entry.Kind == EntryKind.String ? null : Objects.Remove(MemoryMarshal.Read<int>(entry.Value));
    }

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
    public void Schedule(int slot, ulong hash, Entry entry, bool isNew)
    {
        var tick = Wheel.TickOf(entry.ExpireAt);
        if (!isNew && Wheel.Covers(entry.NodeTick, tick)) return;
        entry.NodeTick = tick;
        Wheel.Add(new WheelNode(slot, hash, tick));
    }

    /// <summary>Collects entries that expire soonest.</summary>
    public void CollectSoonest(int most, List<(Database Database, long Block)> found)
    {
        var nodes = new List<WheelNode>(most);
        Wheel.CollectSoonest(most, this, nodes);
        foreach (var node in nodes)
        {
            if (!IsWanted(node)) continue;
            foreach (var block in _tagged)
                if (new Entry(Slabs.Open(block)).HasExpiry) found.Add((_bySlot[node.Slot]!, block));
        }
    }

    /// <inheritdoc/>
    public void Fire(WheelNode node, uint tick)
    {
        if (_bySlot[node.Slot] is not { } database) return;
        _tagged.Clear();
        database.FindTagged(node, _tagged);
        foreach (var block in _tagged)
        {
            var entry = new Entry(Slabs.Open(block));
            if (!entry.HasExpiry || (entry.NodeTick & WheelNode.TickMask) != tick) continue;
            var hash = Hash.Of(entry.Key);
            if (NowMs > entry.ExpireAt) database.Expire(hash, block);
            else Schedule(node.Slot, hash, entry, isNew: true);
        }
    }

    /// <inheritdoc/>
    public bool IsWanted(WheelNode node)
    {
        if (_bySlot[node.Slot] is not { } database) return false;
        _tagged.Clear();
        database.FindTagged(node, _tagged);
        foreach (var block in _tagged)
        {
            var entry = new Entry(Slabs.Open(block));
            if (entry.HasExpiry && (entry.NodeTick & WheelNode.TickMask) == node.Tick) return true;
        }
        return false;
    }

    // The first time that it is used; until then nothing was swapped with it, so it has its number as its slot unless that one is taken.
    private Database Create(int number)
    {
        var slot = _bySlot[number] is null ? number : Array.IndexOf(_bySlot, null);
        return _databases[number] = _bySlot[slot] = new Database(this, slot) { Number = number };
    }
}
