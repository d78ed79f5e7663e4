using System.Runtime.InteropServices;

namespace FeedMall.KvStore.Data;

/// <summary>Elements in a row. Each is a block: its length in four bytes, then its bytes.</summary>
internal sealed class KvList : KvValue
{
    private readonly BlockDeque _blocks = new();

    public KvList(Keyspace keyspace) : base(keyspace) => Charge(ObjectBytes + _blocks.Bytes);

    public override EntryKind Kind => EntryKind.List;

    public override string Encoding => "quicklist";

    public override int Count => _blocks.Count;

    /// <summary>An element, counted from the first.</summary>
    public ReadOnlySpan<byte> this[int at] => Read(_blocks[at]);

    public void Add(ReadOnlySpan<byte> element, bool atFront)
    {
        var block = NewElement(element);
        var before = _blocks.Bytes;
        if (atFront) _blocks.AddFirst(block);
        else _blocks.AddLast(block);
        Charge(_blocks.Bytes - before);
    }

    /// <summary>Takes elements from an end.</summary>
    public void Drop(int count, bool atFront)
    {
        var before = _blocks.Bytes;
        for (; count > 0; count--) Free(atFront ? _blocks.TakeFirst() : _blocks.TakeLast());
        Charge(_blocks.Bytes - before);
    }

    public void Replace(int at, ReadOnlySpan<byte> element)
    {
        var block = NewElement(element);
        Free(_blocks[at]);
        _blocks[at] = block;
    }

    /// <summary>Puts an element before the one in a place; those behind it move.</summary>
    public void Insert(int at, ReadOnlySpan<byte> element)
    {
        Add(element, atFront: false);
        for (var i = Count - 1; i > at; i--) (_blocks[i], _blocks[i - 1]) = (_blocks[i - 1], _blocks[i]);
    }

    /// <summary>Takes out what equals this element.</summary>
    /// <param name="most">How many at most; 0: all.</param>
    /// <param name="fromBack">Whether the last ones go first.</param>
    /// <returns>How many went.</returns>
    public int Remove(ReadOnlySpan<byte> element, int most, bool fromBack)
    {
        if (most == 0) most = Count;
        var (removed, step) = (0, fromBack ? -1 : 1);
        var (from, to) = fromBack ? (Count - 1, Count - 1) : (0, 0);
        // What stays moves together; the gap comes to lie at the end of the walk.
        for (var left = Count; left > 0; left--, from += step)
        {
            var block = _blocks[from];
            if (removed < most && Read(block).SequenceEqual(element))
            {
                removed++;
                Free(block);
                continue;
            }
            _blocks[to] = block;
            to += step;
        }
        var before = _blocks.Bytes;
        for (var gone = removed; gone > 0; gone--) _ = fromBack ? _blocks.TakeFirst() : _blocks.TakeLast();
        Charge(_blocks.Bytes - before);
        return removed;
    }

    public override KvValue Clone()
    {
        var copy = new KvList(Keyspace);
        for (var i = 0; i < Count; i++) copy.Add(this[i], atFront: false);
        return copy;
    }

    public override bool FreeSome(int most)
    {
        for (; most > 0 && Count > 0; most--) Free(_blocks.TakeLast());
        return Count == 0;
    }

    private long NewElement(ReadOnlySpan<byte> element)
    {
        var block = Allocate(sizeof(int) + element.Length);
        var bytes = Slabs.Open(block);
        MemoryMarshal.Write(bytes, element.Length);
        element.CopyTo(bytes[sizeof(int)..]);
        return block;
    }

    private ReadOnlySpan<byte> Read(long block)
    {
        var bytes = Slabs.Open(block);
        return bytes.Slice(sizeof(int), MemoryMarshal.Read<int>(bytes));
    }
}
