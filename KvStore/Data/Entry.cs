using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FeedMall.KvStore.Data;

/// <summary>What a key holds. The number is stored in the entry.</summary>
internal enum EntryKind : byte
{
    String = 0,
    Hash = 1,
    List = 2,
    Set = 3,
    SortedSet = 4,
}

/// <summary>
/// An entry in its block: byte 0 kind and flags · 1–3 access (LRU seconds or LFU) · 4–7 key length · 8–11 value length · with an expiry
/// 12–19 its time (unix ms) and 20–23 the tick of its node in the wheel · key · value. The value of a collection is its number in the <see cref="ObjectTable"/>.
/// </summary>
internal readonly ref struct Entry(Span<byte> block)
{
    private const int HeadBytes = 12;
    private const int ExpiryBytes = 12;
    private const byte KindMask = 0x0f;
    private const byte ExpiryFlag = 0x10;

    private readonly Span<byte> _block = block;

    public EntryKind Kind => (EntryKind)(_block[0] & KindMask);

    public bool HasExpiry => (_block[0] & ExpiryFlag) != 0;

    /// <summary>24 bits about when or how often it was used; the eviction policy reads and writes them.</summary>
    public uint Access
    {
        get => MemoryMarshal.Read<uint>(_block) >> 8;
        set => MemoryMarshal.Write(_block, (value << 8) | _block[0]);
    }

    /// <summary>Unix ms after which it is gone; <see cref="long.MaxValue"/> without an expiry.</summary>
    public long ExpireAt
    {
        get => HasExpiry ? MemoryMarshal.Read<long>(_block[12..]) : long.MaxValue;
        set => MemoryMarshal.Write(_block[12..], value);
    }

    /// <summary>The tick of the one node in the wheel that counts; only with an expiry.</summary>
    public uint NodeTick
    {
        get => MemoryMarshal.Read<uint>(_block[20..]);
        set => MemoryMarshal.Write(_block[20..], value);
    }

    public ReadOnlySpan<byte> Key => _block.Slice(KeyAt, MemoryMarshal.Read<int>(_block[4..]));

    public Span<byte> Value => _block.Slice(KeyAt + MemoryMarshal.Read<int>(_block[4..]), MemoryMarshal.Read<int>(_block[8..]));

    private int KeyAt => HasExpiry ? HeadBytes + ExpiryBytes : HeadBytes;

    /// <summary>Bytes of an entry with this content.</summary>
    public static int Bytes(int keyLength, int valueLength, bool hasExpiry) => checked(HeadBytes + (hasExpiry ? ExpiryBytes : 0) + keyLength + valueLength);

    /// <summary>Whether the entry in this block has this key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasKey(ReadOnlySpan<byte> block, ReadOnlySpan<byte> key)
    {
        if (MemoryMarshal.Read<int>(block[4..]) != key.Length) return false;
        var start = (block[0] & ExpiryFlag) != 0 ? HeadBytes + ExpiryBytes : HeadBytes;
        return block.Slice(start, key.Length).SequenceEqual(key);
    }

    /// <summary>Writes head and key; access, expiry and value are the caller's to fill.</summary>
    public void Shape(EntryKind kind, bool hasExpiry, ReadOnlySpan<byte> key, int valueLength)
    {
        _block[0] = (byte)((byte)kind | (hasExpiry ? ExpiryFlag : 0));
        MemoryMarshal.Write(_block[4..], key.Length);
        MemoryMarshal.Write(_block[8..], valueLength);
        key.CopyTo(_block[(hasExpiry ? HeadBytes + ExpiryBytes : HeadBytes)..]);
    }
}
