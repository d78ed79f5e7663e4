namespace FeedMall.KvStore.Data;

/// <summary>
/// The value of a key that is no string: a hash, a list, a set, a sorted set. Its members lie in blocks of the <see cref="Slabs"/>, so that the garbage
/// collector sees a few arrays however many members there are. It keeps the account of its memory itself.
/// </summary>
internal abstract class KvValue(Keyspace keyspace) : IRetired
{
    /// <summary>The object itself with its place in the table; an estimate that all kinds share.</summary>
    protected const int ObjectBytes = 96;

    /// <summary>What TYPE says, and what is stored in the entry.</summary>
    public abstract EntryKind Kind { get; }

    /// <summary>What OBJECT ENCODING says.</summary>
    public abstract string Encoding { get; }

    /// <summary>How many members it has. A key with none is removed by whoever took the last one.</summary>
    public abstract int Count { get; }

    /// <summary>Bytes of its objects and arrays.</summary>
    public long Bytes { get; private set; }

    /// <summary>Bytes of its blocks; the <see cref="Slabs"/> count them too.</summary>
    public long BlockBytes { get; private set; }

    protected Keyspace Keyspace => keyspace;

    protected Slabs Slabs => keyspace.Slabs;

    /// <summary>A value of its own with the same content, for COPY.</summary>
    public abstract KvValue Clone();

    /// <inheritdoc/>
    public abstract bool FreeSome(int most);

    /// <summary>Its objects and arrays became larger or smaller.</summary>
    protected void Charge(long bytes)
    {
        Bytes += bytes;
        keyspace.Resized(bytes);
    }

    protected long Allocate(int bytes)
    {
        var block = Slabs.Allocate(bytes);
        BlockBytes += Slabs.Open(block).Length;
        return block;
    }

    protected void Free(long block)
    {
        BlockBytes -= Slabs.Open(block).Length;
        Slabs.Free(block);
    }

    /// <summary>A member in a block of its own.</summary>
    protected long NewMember(ReadOnlySpan<byte> member, ReadOnlySpan<byte> value)
    {
        var block = Allocate(Entry.Bytes(member.Length, value.Length, hasExpiry: false));
        var entry = new Entry(Slabs.Open(block));
        entry.Shape(Kind, hasExpiry: false, member, value.Length);
        value.CopyTo(entry.Value);
        return block;
    }

    /// <summary>The same block once more.</summary>
    protected long CopyMember(long block)
    {
        var entry = new Entry(Slabs.Open(block));
        return NewMember(entry.Key, entry.Value);
    }
}
