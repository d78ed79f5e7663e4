namespace FeedMall.KvStore.Data;

/// <summary>
/// Which block has which key: 1,024 small open-addressed tables (a collection has fewer), each of which grows on its own, so that no growth takes long. A slot holds 24 bits of
/// the hash (upper) and the block (lower 40). An entry's home is its 24 bits scaled to the size of the table, so entries lie in the order of their
/// hashes whatever the size: that is what makes a scan's cursor survive growth. Probing is linear; removal moves followers back, so there are no tombstones.
/// </summary>
internal sealed class KeyIndex(Slabs slabs, int tables = KeyIndex.DatabaseTables)
{
    public const int DatabaseTables = 1024; // of a database; a power of two
    private const int TagBits = 24;
    private const int BlockBits = 40;
    private const ulong BlockMask = (1UL << BlockBits) - 1;
    private const int FirstSlots = 8;
    private const int ArrayBytes = 24;

    private readonly Table[] _tables = new Table[tables];
    private long _slots;

    /// <summary>How many tables it has.</summary>
    public int Tables => _tables.Length;

    /// <summary>How many keys there are.</summary>
    public long Count { get; private set; }

    /// <summary>Bytes of all tables.</summary>
    public long Bytes { get; private set; } = tables * 16;

    /// <summary>What a key costs in a table that is two thirds full.</summary>
    public const int BytesPerKey = 12;

    /// <summary>Where a walk begins and, when it is returned, has ended.</summary>
    public const ulong StartCursor = 0;

    /// <summary>The block with this key, or 0.</summary>
    public long Find(ulong hash, ReadOnlySpan<byte> key)
    {
        ref var table = ref _tables[(int)hash & (_tables.Length - 1)];
        if (table.Slots is not { } slots) return 0;
        var tag = hash >> BlockBits;
        for (var at = Home(tag, slots.Length); ; at = at + 1 == slots.Length ? 0 : at + 1)
        {
            var slot = slots[at];
            if (slot == 0) return 0;
            if (slot >> BlockBits == tag && Entry.HasKey(slabs.Open((long)(slot & BlockMask)), key)) return (long)(slot & BlockMask);
        }
    }

    /// <summary>Adds a block whose key is not there yet.</summary>
    public void Add(ulong hash, long block)
    {
        ref var table = ref _tables[(int)hash & (_tables.Length - 1)];
        if (table.Slots is null || table.Count + 1 > table.Slots.Length * 4 / 5) Resize(ref table, Math.Max(FirstSlots, (table.Slots?.Length ?? 0) * 3 / 2));
        Place(table.Slots!, (hash & ~BlockMask) | (ulong)block);
        table.Count++;
        Count++;
    }

    /// <summary>The key of one block is now in another.</summary>
    public void Replace(ulong hash, long block, long other)
    {
        var slots = _tables[(int)hash & (_tables.Length - 1)].Slots!;
        slots[SlotOf(slots, hash, block)] = (hash & ~BlockMask) | (ulong)other;
    }

    /// <summary>Takes a block out.</summary>
    public void Remove(ulong hash, long block)
    {
        ref var table = ref _tables[(int)hash & (_tables.Length - 1)];
        var slots = table.Slots!;
        var hole = SlotOf(slots, hash, block);
        for (var at = hole; ;)
        {
            at = at + 1 == slots.Length ? 0 : at + 1;
            if (slots[at] == 0) break;
            // A follower may fill the hole unless its home lies behind the hole.
            var home = Home(slots[at] >> BlockBits, slots.Length);
            if (hole <= at ? home > hole && home <= at : home > hole || home <= at) continue;
            slots[hole] = slots[at];
            hole = at;
        }
        slots[hole] = 0;
        table.Count--;
        Count--;
        if (slots.Length > FirstSlots && table.Count < slots.Length / 4) Resize(ref table, Math.Max(FirstSlots, slots.Length / 2));
    }

    /// <summary>Every block, for tests and whole-database work.</summary>
    public IEnumerable<long> Blocks()
    {
        foreach (var table in _tables)
            foreach (var slot in table.Slots ?? [])
                if (slot != 0) yield return (long)(slot & BlockMask);
    }

    /// <summary>
    /// Collects the blocks of the next stretch of about this many slots. A key that is there during a whole walk is collected at least once.
    /// </summary>
    /// <returns>The cursor to go on with; <see cref="StartCursor"/> at the end.</returns>
    public ulong Scan(ulong cursor, int slotCount, List<long> found)
    {
        // A cursor is table (upper bits) and first tag (lower 24) of what is still to come.
        while (cursor >> TagBits is var number && number < (ulong)_tables.Length)
        {
            var next = (number + 1) << TagBits;
            if (_tables[number].Slots is { } slots && _tables[number].Count > 0)
            {
                var tag = cursor & ((1 << TagBits) - 1);
                var last = Home(tag, slots.Length) + slotCount;
                var end = last >= slots.Length ? 1UL << TagBits : (((ulong)last << TagBits) + (ulong)slots.Length - 1) / (ulong)slots.Length;
                if (end > tag) slotCount -= Collect(slots, tag, end, found);
                if (end < 1UL << TagBits) return (number << TagBits) + end;
            }
            cursor = next;
            if (slotCount <= 0 && next >> TagBits < (ulong)_tables.Length) return next;
        }
        return StartCursor;
    }

    /// <summary>Calls back for every entry with this table and tag: an expiry knows its entry only by these.</summary>
    public void FindTagged(int number, uint tag, List<long> found)
    {
        if (_tables[number].Slots is not { } slots) return;
        for (var at = Home(tag, slots.Length); slots[at] != 0; at = at + 1 == slots.Length ? 0 : at + 1)
            if (slots[at] >> BlockBits == tag) found.Add((long)(slots[at] & BlockMask));
    }

    /// <summary>An entry from the neighbourhood of a random place, or 0 when there is none near.</summary>
    /// <param name="number">A random number.</param>
    public long Sample(uint number)
    {
        for (var tries = 0; tries < _tables.Length; tries++)
        {
            var table = _tables[(number + (uint)tries) % (uint)_tables.Length];
            if (table.Count == 0) continue;
            var at = (int)((ulong)(number >> 10) * (ulong)table.Slots!.Length >> 22);
            while (table.Slots[at] == 0) at = at + 1 == table.Slots.Length ? 0 : at + 1;
            return (long)(table.Slots[at] & BlockMask);
        }
        return 0;
    }

    /// <summary>The block in one of all slots, each as likely as the others, or 0 when that slot is free: then try again.</summary>
    /// <param name="place">A random number from 0 to below 1.</param>
    public long At(double place)
    {
        var slot = (long)(place * _slots);
        foreach (var table in _tables)
        {
            var length = table.Slots?.Length ?? 0;
            if (slot < length) return (long)(table.Slots![slot] & BlockMask);
            slot -= length;
        }
        return 0;
    }

    /// <summary>Goes from block to block while nothing changes; 0 at the end.</summary>
    /// <param name="position">0 to begin with.</param>
    public long Next(ref long position)
    {
        for (var number = (int)(position >> 32); number < _tables.Length; number++)
        {
            var slots = _tables[number].Slots ?? [];
            for (var at = (int)position; at < slots.Length; at++)
            {
                if (slots[at] == 0) continue;
                position = ((long)number << 32) | (uint)(at + 1);
                return (long)(slots[at] & BlockMask);
            }
            position = (long)(number + 1) << 32;
        }
        return 0;
    }

    public static int TableOf(ulong hash) => (int)(hash & (DatabaseTables - 1));

    /// <summary>Where a key comes in a walk with <see cref="Scan"/>: those below its cursor are behind it.</summary>
    public static ulong PositionOf(ulong hash) => ((ulong)TableOf(hash) << TagBits) | TagOf(hash);

    public static uint TagOf(ulong hash) => (uint)(hash >> BlockBits);

    private static int Collect(ulong[] slots, ulong tag, ulong end, List<long> found)
    {
        var home = Home(tag, slots.Length);
        var last = Home(end - 1, slots.Length);
        var seen = 0;
        // Entries whose home lies in the stretch may have been pushed behind its end: go on to the first free slot.
        for (var at = home; seen < slots.Length; at = at + 1 == slots.Length ? 0 : at + 1)
        {
            if (slots[at] == 0 && seen > last - home) break;
            seen++;
            if (slots[at] != 0 && slots[at] >> BlockBits >= tag && slots[at] >> BlockBits < end) found.Add((long)(slots[at] & BlockMask));
        }
        return seen;
    }

    private static int Home(ulong tag, int slots) => (int)(tag * (ulong)slots >> TagBits);

    private static int SlotOf(ulong[] slots, ulong hash, long block)
    {
        var slot = (hash & ~BlockMask) | (ulong)block;
        var at = Home(hash >> BlockBits, slots.Length);
        while (slots[at] != slot) at = at + 1 == slots.Length ? 0 : at + 1;
        return at;
    }

    private static void Place(ulong[] slots, ulong slot)
    {
        var at = Home(slot >> BlockBits, slots.Length);
        while (slots[at] != 0) at = at + 1 == slots.Length ? 0 : at + 1;
        slots[at] = slot;
    }

    private void Resize(ref Table table, int length)
    {
        var slots = new ulong[length];
        foreach (var slot in table.Slots ?? []) if (slot != 0) Place(slots, slot);
        var more = length - (table.Slots?.Length ?? 0);
        Bytes += more * 8L + (table.Slots is null ? ArrayBytes : 0);
        _slots += more;
        table.Slots = slots;
    }

    private struct Table
    {
        public ulong[]? Slots;
        public int Count;
    }
}
