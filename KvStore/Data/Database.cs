using System.Runtime.InteropServices;

namespace FeedMall.KvStore.Data;

/// <summary>One numbered database: keys with their values and expiries. An entry whose time has come is treated as absent, and removed, by whoever meets it.</summary>
/// <param name="slot">What the nodes of the wheel call it; it never changes.</param>
internal sealed class Database(Keyspace keyspace, int slot)
{
    /// <summary>No expiry.</summary>
    public const long Never = long.MaxValue;

    private KeyIndex _index = new(keyspace.Slabs);

    /// <summary>What SELECT calls it; SWAPDB changes it.</summary>
    public required int Number { get; set; }

    /// <summary>Entries, those included whose time has just come.</summary>
    public long Count => _index.Count;

    /// <summary>Entries with an expiry.</summary>
    public long Expiring { get; private set; }

    /// <summary>Bytes of the index.</summary>
    public long IndexBytes => _index.Bytes;

    /// <summary>The block with this key, or 0. Whoever reads the value says so, for the eviction policy.</summary>
    public long Find(ReadOnlySpan<byte> key, out ulong hash, bool isUse = true)
    {
        hash = keyspace.Hash.Of(key);
        var block = _index.Find(hash, key);
        if (block == 0) return 0;
        var entry = Open(block);
        if (entry.HasExpiry && keyspace.NowMs > entry.ExpireAt)
        {
            Expire(hash, block);
            return 0;
        }
        if (isUse) entry.Access = keyspace.Access.Touch(entry.Access);
        return block;
    }

    /// <summary>The entry in a block.</summary>
    public Entry Open(long block) => new(keyspace.Slabs.Open(block));

    /// <summary>The collection in a block that holds one.</summary>
    public KvValue Object(long block) => keyspace.Objects.Get(MemoryMarshal.Read<int>(Open(block).Value));

    /// <summary>Gives a key a string in place of whatever it had.</summary>
    public void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long expireAt = Never)
    {
        var block = Find(key, out var hash, isUse: false);
        value.CopyTo(Put(key, hash, block, EntryKind.String, value.Length, expireAt));
    }

    /// <summary>Whether there is such a key.</summary>
    public bool Has(ReadOnlySpan<byte> key) => Find(key, out _, isUse: false) != 0;

    /// <summary>Takes a collection out without ending it: it is about to get another key.</summary>
    public KvValue Detach(ReadOnlySpan<byte> key)
    {
        var block = Find(key, out var hash, isUse: false);
        var value = keyspace.Objects.Remove(MemoryMarshal.Read<int>(Open(block).Value));
        TakeOut(hash, block, Open(block).HasExpiry);
        return value;
    }

    /// <summary>Gives a key a collection in place of whatever it had.</summary>
    public void Set(ReadOnlySpan<byte> key, KvValue value, long expireAt = Never)
    {
        var block = Find(key, out var hash, isUse: false);
        var bytes = Put(key, hash, block, value.Kind, sizeof(int), expireAt);
        MemoryMarshal.Write(bytes, keyspace.Objects.Add(value));
    }

    /// <summary>Makes room for a value in place of whatever the key had; the result is to be filled.</summary>
    /// <param name="block">What <see cref="Find"/> said.</param>
    public Span<byte> Put(ReadOnlySpan<byte> key, ulong hash, long block, EntryKind kind, int valueLength, long expireAt)
    {
        var expires = expireAt != Never;
        var bytes = Entry.Bytes(key.Length, valueLength, expires);
        var (hadExpiry, nodeTick) = block == 0 ? (false, 0u) : Forget(block);
        if (block == 0)
        {
            block = keyspace.Slabs.Allocate(bytes);
            _index.Add(hash, block);
        }
        else if (!keyspace.Slabs.Fits(block, bytes))
        {
            var other = keyspace.Slabs.Allocate(bytes);
            _index.Replace(hash, block, other);
            keyspace.Slabs.Free(block);
            block = other;
        }
        var entry = Open(block);
        entry.Shape(kind, expires, key, valueLength);
        entry.Access = keyspace.Access.New();
        CountExpiry(hadExpiry, expires);
        if (expires)
        {
            (entry.ExpireAt, entry.NodeTick) = (expireAt, nodeTick);
            keyspace.Schedule(slot, hash, entry, isNew: !hadExpiry);
        }
        keyspace.NoteChange(Number, key);
        return entry.Value;
    }

    /// <summary>Changes the length of a string, keeping what it has in common with the old one, and its expiry; the value is the caller's to fill.</summary>
    public Span<byte> Resize(ReadOnlySpan<byte> key, ulong hash, long block, int valueLength)
    {
        var old = Open(block);
        var bytes = Entry.Bytes(key.Length, valueLength, old.HasExpiry);
        var entry = old;
        if (!keyspace.Slabs.Fits(block, bytes))
        {
            var other = keyspace.Slabs.Allocate(bytes);
            entry = CopyHead(old, key, other, valueLength, old.HasExpiry);
            old.Value[..Math.Min(valueLength, old.Value.Length)].CopyTo(entry.Value);
            _index.Replace(hash, block, other);
            keyspace.Slabs.Free(block);
        }
        else
        {
            entry.Shape(old.Kind, old.HasExpiry, key, valueLength);
        }
        keyspace.NoteChange(Number, key);
        return entry.Value;
    }

    /// <summary>Gives an entry another expiry, or none.</summary>
    public void SetExpiry(ReadOnlySpan<byte> key, ulong hash, long block, long expireAt)
    {
        var entry = Open(block);
        var (had, expires) = (entry.HasExpiry, expireAt != Never);
        if (had != expires)
        {
            var other = keyspace.Slabs.Allocate(Entry.Bytes(key.Length, entry.Value.Length, expires));
            var moved = CopyHead(entry, key, other, entry.Value.Length, expires);
            entry.Value.CopyTo(moved.Value);
            _index.Replace(hash, block, other);
            keyspace.Slabs.Free(block);
            entry = moved;
        }
        CountExpiry(had, expires);
        if (expires)
        {
            entry.ExpireAt = expireAt;
            keyspace.Schedule(slot, hash, entry, isNew: !had);
        }
        keyspace.NoteChange(Number, key);
    }

    /// <summary>Takes a key out.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Remove(ReadOnlySpan<byte> key)
    {
        var block = Find(key, out var hash, isUse: false);
        if (block == 0) return false;
        Remove(hash, block);
        return true;
    }

    /// <summary>Takes an entry out whose time has come.</summary>
    public void Expire(ulong hash, long block)
    {
        keyspace.Expired++;
        keyspace.Journal?.Delete(Number, Open(block).Key);
        Remove(hash, block);
    }

    /// <summary>Takes an entry out.</summary>
    public void Remove(ulong hash, long block)
    {
        var (hadExpiry, _) = Forget(block);
        TakeOut(hash, block, hadExpiry);
    }

    /// <summary>Takes everything out.</summary>
    public void Clear()
    {
        if (Count == 0) return;
        keyspace.Watches.TouchAll((database, key) => database == Number && Has(key));
        keyspace.Changes += _index.Count;
        keyspace.Expiring -= Expiring;
        Expiring = 0;
        var content = new RetiredIndex(keyspace, _index);
        _index = new KeyIndex(keyspace.Slabs);
        keyspace.Retired.Add(content);
    }

    /// <summary>Collects the blocks of the next stretch; see <see cref="KeyIndex.Scan"/>.</summary>
    public ulong Scan(ulong cursor, int slots, List<long> found) => _index.Scan(cursor, slots, found);

    /// <summary>Every block.</summary>
    public IEnumerable<long> Blocks() => _index.Blocks();

    /// <summary>An entry from near a random place, or 0.</summary>
    public long Sample(uint random) => _index.Sample(random);

    /// <summary>The entries that a wheel's node may mean.</summary>
    public void FindTagged(WheelNode node, List<long> found) => _index.FindTagged(node.Table, node.Tag, found);

    private void TakeOut(ulong hash, long block, bool hadExpiry)
    {
        keyspace.NoteChange(Number, Open(block).Key);
        CountExpiry(hadExpiry, false);
        _index.Remove(hash, block);
        keyspace.Slabs.Free(block);
    }

    private Entry CopyHead(Entry from, ReadOnlySpan<byte> key, long block, int valueLength, bool expires)
    {
        var entry = Open(block);
        entry.Shape(from.Kind, expires, key, valueLength);
        entry.Access = from.Access;
        if (expires && from.HasExpiry) (entry.ExpireAt, entry.NodeTick) = (from.ExpireAt, from.NodeTick);
        return entry;
    }

    // What an entry holds beside its block.
    private (bool HadExpiry, uint NodeTick) Forget(long block)
    {
        if (keyspace.TakeObject(block) is { } value) keyspace.Retire(value);
        var entry = Open(block);
        return entry.HasExpiry ? (true, entry.NodeTick) : (false, 0);
    }

    private void CountExpiry(bool had, bool has)
    {
        var change = (has ? 1 : 0) - (had ? 1 : 0);
        Expiring += change;
        keyspace.Expiring += change;
    }
}
