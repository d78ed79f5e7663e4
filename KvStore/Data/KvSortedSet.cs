using System.Runtime.InteropServices;

namespace FeedMall.KvStore.Data;

/// <summary>
/// Members with a score each, found by member and by rank. A member's block has its score as value; a tree knows the order. Few members are looked
/// through, for many there is an index.
/// </summary>
internal sealed class KvSortedSet : KvValue
{
    private const int MaxWithoutIndex = 128;
    private const int MaxPackedBytes = 64;
    private const int Tables = 64;
    private const int MaxOneTable = 1024;

    private readonly ScoreTree _tree;
    private KeyIndex? _index;
    private bool _hasLong;
    private int _freed = 1;

    public KvSortedSet(Keyspace keyspace) : base(keyspace)
    {
        _tree = new ScoreTree(keyspace);
        Charge(ObjectBytes + _tree.Bytes);
    }

    private KvSortedSet(KvSortedSet other) : base(other.Keyspace)
    {
        _tree = other._tree.Clone(CopyMember);
        _hasLong = other._hasLong;
        Charge(ObjectBytes + _tree.Bytes);
        if (other._index is not null) BuildIndex(other._index.Tables);
    }

    public override EntryKind Kind => EntryKind.SortedSet;

    // All lie here alike; these are the names that clients know.
    public override string Encoding => _index is null && !_hasLong ? "listpack" : "skiplist";

    public override int Count => _tree.Count;

    public bool TryGetScore(ReadOnlySpan<byte> member, out double score)
    {
        var block = Find(member);
        score = block == 0 ? 0 : ScoreOf(block);
        return block != 0;
    }

    /// <summary>Gives a member a score.</summary>
    public void Put(ReadOnlySpan<byte> member, double score)
    {
        var block = Find(member);
        var before = _tree.Bytes;
        if (block == 0)
        {
            _hasLong |= member.Length > MaxPackedBytes;
            block = NewMember(member, MemoryMarshal.AsBytes(new ReadOnlySpan<double>(in score)));
            _tree.Add(score, block);
            if (_index is not null) AddToIndex(block);
            else if (Count > MaxWithoutIndex) BuildIndex(1);
        }
        else
        {
            _tree.Remove(ScoreOf(block), member);
            MemoryMarshal.Write(new Entry(Slabs.Open(block)).Value, score);
            _tree.Add(score, block);
        }
        Charge(_tree.Bytes - before);
    }

    /// <summary>Takes a member out.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Remove(ReadOnlySpan<byte> member)
    {
        var block = Find(member);
        if (block == 0) return false;
        _tree.Remove(ScoreOf(block), member);
        if (_index is not null)
        {
            var before = _index.Bytes;
            _index.Remove(Keyspace.Hash.Of(member), block);
            Charge(_index.Bytes - before);
        }
        Free(block);
        return true;
    }

    /// <summary>How many come before a member that is there.</summary>
    public int Rank(ReadOnlySpan<byte> member, double score) => _tree.CountBefore(score, member);

    /// <summary>How many have a lower score.</summary>
    public int CountBelow(double score, bool orEqual) => _tree.CountBelow(score, orEqual);

    /// <summary>How many have lower bytes, when all scores are equal.</summary>
    public int CountBelow(ReadOnlySpan<byte> member, bool orEqual) => _tree.CountBelow(member, orEqual);

    /// <summary>Collects nodes by rank; <see cref="MemberAt"/> and <see cref="ScoreAt"/> say what they are until the next change.</summary>
    public void Collect(int from, int count, List<int> found) => _tree.Collect(from, count, found);

    public ReadOnlySpan<byte> MemberAt(int node) => new Entry(Slabs.Open(_tree.BlockAt(node))).Key;

    public double ScoreAt(int node) => _tree.ScoreAt(node);

    /// <summary>Collects the blocks of the next stretch; see <see cref="KeyIndex.Scan"/>. Members without an index come all at once.</summary>
    public ulong Scan(ulong cursor, int slots, List<long> found)
    {
        if (_index is not null) return _index.Scan(cursor, slots, found);
        for (var node = 1; node < _tree.End; node++)
            if (_tree.BlockAt(node) is var block and not 0) found.Add(block);
        return KeyIndex.StartCursor;
    }

    /// <summary>The member in a block.</summary>
    public ReadOnlySpan<byte> MemberIn(long block) => new Entry(Slabs.Open(block)).Key;

    /// <summary>The score in a block.</summary>
    public double ScoreOf(long block) => MemoryMarshal.Read<double>(new Entry(Slabs.Open(block)).Value);

    public override KvValue Clone() => new KvSortedSet(this);

    public override bool FreeSome(int most)
    {
        for (; _freed < _tree.End; _freed++)
        {
            if (_tree.BlockAt(_freed) is not (var block and not 0)) continue;
            if (most-- == 0) return false;
            Free(block);
        }
        return true;
    }

    private long Find(ReadOnlySpan<byte> member)
    {
        if (_index is not null) return _index.Find(Keyspace.Hash.Of(member), member);
        for (var node = 1; node < _tree.End; node++)
            if (_tree.BlockAt(node) is var block and not 0 && Entry.HasKey(Slabs.Open(block), member)) return block;
        return 0;
    }

    private void BuildIndex(int tables)
    {
        Charge(-(_index?.Bytes ?? 0));
        _index = new KeyIndex(Slabs, tables);
        Charge(_index.Bytes);
        for (var node = 1; node < _tree.End; node++)
            if (_tree.BlockAt(node) is var block and not 0) AddToIndex(block);
    }

    private void AddToIndex(long block)
    {
        if (_index!.Tables == 1 && _index.Count >= MaxOneTable)
        {
            BuildIndex(Tables);
            return;
        }
        var before = _index.Bytes;
        _index.Add(Keyspace.Hash.Of(MemberIn(block)), block);
        Charge(_index.Bytes - before);
    }
}
