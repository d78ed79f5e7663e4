using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Data;

/// <summary>Members, each once.</summary>
internal sealed class KvSet(Keyspace keyspace) : KvMap(keyspace)
{
    private const int MaxIntegers = 512;

    private bool _isIntegers = true;

    public override EntryKind Kind => EntryKind.Set;

    // All sets lie here alike; these are the names that clients know.
    public override string Encoding => _isIntegers ? "intset" : "hashtable";

    /// <summary>Adds a member.</summary>
    /// <returns>Whether it is new.</returns>
    public bool Add(ReadOnlySpan<byte> member)
    {
        var isNew = Put(member, []);
        if (isNew && _isIntegers) _isIntegers = Count <= MaxIntegers && Numbers.TryParseInteger(member, out _);
        return isNew;
    }

    public override KvValue Clone()
    {
        var copy = new KvSet(Keyspace) { _isIntegers = _isIntegers };
        copy.CopyFrom(this);
        return copy;
    }
}
