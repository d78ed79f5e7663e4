namespace FeedMall.KvStore.Data;

/// <summary>
/// Members with a value each: a hash, or a set, whose values are empty. As long as there are few and all are small they lie one behind the other in one
/// block, each as "length of member, length of value, member, value" with lengths of one byte, and are searched through. Then each gets a block, and an
/// index finds it: first with one table, from <see cref="MaxOneTable"/> members on with many that grow on their own. A member is named by its place,
/// which holds until the next change: its block, or where it begins in the common block plus one.
/// </summary>
internal abstract class KvMap : KvValue
{
    private const int MaxPackedCount = 128;
    private const int MaxPackedBytes = 64;
    private const int MaxOneTable = 1024;
    private const int ManyTables = 64;

    private KeyIndex? _index;
    private long _packed, _freed;
    private int _used, _count;

    protected KvMap(Keyspace keyspace) : base(keyspace) => Charge(ObjectBytes);

    public override int Count => _count;

    /// <summary>Whether all members lie in one block.</summary>
    public bool IsPacked => _index is null;

    /// <summary>The place of a member, or 0.</summary>
    public long Find(ReadOnlySpan<byte> member)
    {
        if (_index is not null) return _index.Find(Keyspace.Hash.Of(member), member);
        var bytes = Packed;
        for (var at = 0; at < _used; at += SizeAt(bytes, at))
            if (bytes[at] == member.Length && bytes.Slice(at + 2, member.Length).SequenceEqual(member)) return at + 1;
        return 0;
    }

    /// <summary>The member in a place.</summary>
    public ReadOnlySpan<byte> MemberAt(long place)
    {
        if (_index is not null) return new Entry(Slabs.Open(place)).Key;
        var bytes = Packed[((int)place - 1)..];
        return bytes.Slice(2, bytes[0]);
    }

    /// <summary>The value in a place.</summary>
    public ReadOnlySpan<byte> ValueAt(long place)
    {
        if (_index is not null) return new Entry(Slabs.Open(place)).Value;
        var bytes = Packed[((int)place - 1)..];
        return bytes.Slice(2 + bytes[0], bytes[1]);
    }

    /// <summary>Gives a member a value.</summary>
    /// <returns>Whether the member is new.</returns>
    public bool Put(ReadOnlySpan<byte> member, ReadOnlySpan<byte> value)
    {
        var place = Find(member);
        var isNew = place == 0;
        if (IsPacked && (member.Length > MaxPackedBytes || value.Length > MaxPackedBytes || (isNew && _count >= MaxPackedCount)))
        {
            Unpack();
            place = isNew ? 0 : Find(member);
        }
        if (isNew) _count++;
        if (IsPacked) PutPacked(member, value, (int)place - 1);
        else if (isNew) AddToIndex(NewMember(member, value));
        else Overwrite(place, member, value);
        return isNew;
    }

    /// <summary>Takes a member out.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Remove(ReadOnlySpan<byte> member)
    {
        var place = Find(member);
        if (place == 0) return false;
        _count--;
        if (_index is null)
        {
            Splice((int)place - 1, SizeAt(Packed, (int)place - 1), 0);
            return true;
        }
        var before = _index.Bytes;
        _index.Remove(Keyspace.Hash.Of(member), place);
        Charge(_index.Bytes - before);
        Free(place);
        return true;
    }

    /// <summary>Goes from place to place while nothing changes; 0 at the end.</summary>
    /// <param name="position">0 to begin with.</param>
    public long Next(ref long position)
    {
        if (_index is not null) return _index.Next(ref position);
        if (position >= _used) return 0;
        var place = position + 1;
        position += SizeAt(Packed, (int)position);
        return place;
    }

    /// <summary>A place, each as likely as the others.</summary>
    public long Random()
    {
        if (_index is not null)
        {
            long place;
            while ((place = _index.At(Keyspace.Chance.NextDouble())) == 0) { }
            return place;
        }
        long position = 0, found = 0;
        for (var left = (int)(Keyspace.Chance.NextDouble() * _count); left >= 0; left--) found = Next(ref position);
        return found;
    }

    /// <summary>A random number from 0 to below 1.</summary>
    public double Chance() => Keyspace.Chance.NextDouble();

    /// <summary>Collects the places of the next stretch; see <see cref="KeyIndex.Scan"/>. Members that lie in one block come all at once.</summary>
    public ulong Scan(ulong cursor, int slots, List<long> found)
    {
        // From one table to many the cursor holds too: what comes before its tag in the first table was collected, and all that is in the others comes.
        if (_index is not null) return _index.Scan(cursor, slots, found);
        long position = 0;
        while (Next(ref position) is var place && place != 0) found.Add(place);
        return KeyIndex.StartCursor;
    }

    public override bool FreeSome(int most)
    {
        if (_index is null)
        {
            if (_packed != 0) Free(_packed);
            _packed = 0;
            return true;
        }
        for (; most > 0; most--)
        {
            var block = _index.Next(ref _freed);
            if (block == 0) return true;
            Free(block);
        }
        return false;
    }

    /// <summary>Takes over the members of another one.</summary>
    protected void CopyFrom(KvMap other)
    {
        _count = other._count;
        if (other._index is null)
        {
            Splice(0, 0, other._used);
            other.Packed[.._used].CopyTo(Packed);
            return;
        }
        NewIndex(other._index.Tables);
        long position = 0;
        while (other._index.Next(ref position) is var block && block != 0) AddToIndex(CopyMember(block));
    }

    private Span<byte> Packed => _packed == 0 ? [] : Slabs.Open(_packed);

    private static int SizeAt(ReadOnlySpan<byte> bytes, int at) => 2 + bytes[at] + bytes[at + 1];

    private void PutPacked(ReadOnlySpan<byte> member, ReadOnlySpan<byte> value, int at)
    {
        var isNew = at < 0;
        if (isNew) at = _used;
        Splice(at, isNew ? 0 : SizeAt(Packed, at), 2 + member.Length + value.Length);
        var bytes = Packed[at..];
        (bytes[0], bytes[1]) = ((byte)member.Length, (byte)value.Length);
        member.CopyTo(bytes[2..]);
        value.CopyTo(bytes[(2 + member.Length)..]);
    }

    // Makes a part of the common block longer or shorter; what stands there then is for the caller to write.
    private void Splice(int at, int oldBytes, int newBytes)
    {
        var used = _used - oldBytes + newBytes;
        var from = Packed;
        var old = _packed;
        if (used == 0) _packed = 0;
        else if (old == 0 || !Slabs.Fits(old, used)) _packed = Allocate(used);
        var to = Packed;
        if (_packed != 0 && _packed != old) from[..at].CopyTo(to);
        if (_packed != 0) from[(at + oldBytes).._used].CopyTo(to[(at + newBytes)..]);
        if (old != 0 && old != _packed) Free(old);
        _used = used;
    }

    private void Unpack()
    {
        var blocks = new List<long>(_count);
        for (var at = 0; at < _used; at += SizeAt(Packed, at)) blocks.Add(NewMember(MemberAt(at + 1), ValueAt(at + 1)));
        if (_packed != 0) Free(_packed);
        (_packed, _used) = (0, 0);
        NewIndex(1);
        foreach (var block in blocks) AddToIndex(block);
    }

    private void NewIndex(int tables)
    {
        Charge(-(_index?.Bytes ?? 0));
        _index = new KeyIndex(Slabs, tables);
        Charge(_index.Bytes);
    }

    private void AddToIndex(long block)
    {
        if (_index!.Tables == 1 && _index.Count >= MaxOneTable) Rebuild();
        var before = _index.Bytes;
        _index.Add(Keyspace.Hash.Of(new Entry(Slabs.Open(block)).Key), block);
        Charge(_index.Bytes - before);
    }

    private void Rebuild()
    {
        var old = _index!;
        NewIndex(ManyTables);
        long position = 0;
        while (old.Next(ref position) is var block && block != 0) AddToIndex(block);
    }

    private void Overwrite(long block, ReadOnlySpan<byte> member, ReadOnlySpan<byte> value)
    {
        if (Slabs.Fits(block, Entry.Bytes(member.Length, value.Length, hasExpiry: false)))
        {
            var entry = new Entry(Slabs.Open(block));
            entry.Shape(Kind, hasExpiry: false, member, value.Length);
            value.CopyTo(entry.Value);
            return;
        }
        _index!.Replace(Keyspace.Hash.Of(member), block, NewMember(member, value));
        Free(block);
    }
}
