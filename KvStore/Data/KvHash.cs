namespace FeedMall.KvStore.Data;

/// <summary>Fields with a value each.</summary>
internal sealed class KvHash(Keyspace keyspace) : KvMap(keyspace)
{
    public override EntryKind Kind => EntryKind.Hash;

    public override string Encoding => IsPacked ? "listpack" : "hashtable";

    public override KvValue Clone()
    {
        var copy = new KvHash(Keyspace);
        copy.CopyFrom(this);
        return copy;
    }
}
