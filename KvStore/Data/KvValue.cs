namespace FeedMall.KvStore.Data;

/// <summary>The value of a key that is no string: a hash, a list, a set, a sorted set.</summary>
internal abstract class KvValue
{
    /// <summary>What TYPE says, and what is stored in the entry.</summary>
    public abstract EntryKind Kind { get; }

    /// <summary>What OBJECT ENCODING says.</summary>
    public abstract string Encoding { get; }

    /// <summary>An estimate of its memory in bytes, kept up to date by the value itself. Report changes with <see cref="Keyspace.Resized"/>.</summary>
    public abstract long Bytes { get; }

    /// <summary>A value of its own with the same content, for COPY.</summary>
    public abstract KvValue Clone();
}

/// <summary>Where collections are found by the number that their entry holds.</summary>
internal sealed class ObjectTable
{
    private readonly Stack<int> _free = new();
    private KvValue?[] _values = new KvValue?[64];
    private int _count;

    /// <summary>Bytes of all values.</summary>
    public long Bytes { get; set; }

    public int Add(KvValue value)
    {
        if (!_free.TryPop(out var number))
        {
            if (_count == _values.Length) Array.Resize(ref _values, _count * 2);
            number = _count++;
        }
        _values[number] = value;
        Bytes += value.Bytes;
        return number;
    }

    public KvValue Get(int number) => _values[number]!;

    public void Remove(int number)
    {
        Bytes -= _values[number]!.Bytes;
        _values[number] = null;
        _free.Push(number);
    }
}
