using System.Runtime.CompilerServices;

namespace FeedMall.KvStore.Data;

/// <summary>
/// Members in the order of their scores, those of equal scores in the order of their bytes. A treap: a search tree by that order and at the same time a heap
/// by random priorities, so its depth is logarithmic whatever is sent; each node knows the size of its tree, so a rank is found on the way down. Nodes are
/// named by number and lie in pages of 1,024 (the first one grows), so growing moves at most one page. Node 0 stands for none.
/// </summary>
internal sealed class ScoreTree(Keyspace keyspace)
{
    private const int PageBits = 10;
    private const int PageNodes = 1 << PageBits;
    private const int NodeBytes = 32;

    private Node[][] _pages = [new Node[4]];
    private int _root, _free;
    private int _untouched = 1;

    /// <summary>Members.</summary>
    public int Count => At(_root).Size;

    /// <summary>Bytes of the arrays.</summary>
    public long Bytes { get; private set; } = 4 * NodeBytes;

    /// <summary>The first number that no node has had; together with <see cref="BlockAt"/> a way through all of them in no order.</summary>
    public int End => _untouched;

    /// <summary>A node's block; 0 when there is none.</summary>
    public long BlockAt(int node) => At(node).Block;

    public double ScoreAt(int node) => At(node).Score;

    public void Add(double score, long block)
    {
        var node = NewNode(score, block);
        _root = Insert(_root, node, MemberOf(block));
    }

    /// <summary>Takes a member out that is there.</summary>
    public void Remove(double score, ReadOnlySpan<byte> member) => _root = Remove(_root, score, member);

    /// <summary>How many members come before this one.</summary>
    public int CountBefore(double score, ReadOnlySpan<byte> member)
    {
        var count = 0;
        for (var node = _root; node != 0;)
        {
            var isBefore = Compare(node, score, member) < 0;
            if (isBefore) count += At(At(node).Left).Size + 1;
            node = isBefore ? At(node).Right : At(node).Left;
        }
        return count;
    }

    /// <summary>How many members have a lower score.</summary>
    public int CountBelow(double score, bool orEqual)
    {
        var count = 0;
        for (var node = _root; node != 0;)
        {
            var isBelow = At(node).Score < score || (orEqual && At(node).Score == score);
            if (isBelow) count += At(At(node).Left).Size + 1;
            node = isBelow ? At(node).Right : At(node).Left;
        }
        return count;
    }

    /// <summary>How many members have lower bytes, when all scores are equal.</summary>
    public int CountBelow(ReadOnlySpan<byte> member, bool orEqual)
    {
        var count = 0;
        for (var node = _root; node != 0;)
        {
            var order = MemberOf(At(node).Block).SequenceCompareTo(member);
            var isBelow = order < 0 || (orEqual && order == 0);
            if (isBelow) count += At(At(node).Left).Size + 1;
            node = isBelow ? At(node).Right : At(node).Left;
        }
        return count;
    }

    /// <summary>Collects nodes in order.</summary>
    /// <param name="from">The first one's rank.</param>
    public void Collect(int from, int count, List<int> found)
    {
        if (count > 0) Collect(_root, from, from + count, found);
    }

    /// <summary>The same tree over other blocks.</summary>
    public ScoreTree Clone(Func<long, long> copyBlock)
    {
        var copy = new ScoreTree(keyspace) { _pages = [.. _pages.Select(page => (Node[])page.Clone())], _root = _root, _free = _free, _untouched = _untouched, Bytes = Bytes };
        for (var node = 1; node < End; node++)
            if (copy.At(node).Block != 0) copy.At(node).Block = copyBlock(copy.At(node).Block);
        return copy;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Node At(int node) => ref _pages[node >> PageBits][node & (PageNodes - 1)];

    private ReadOnlySpan<byte> MemberOf(long block) => new Entry(keyspace.Slabs.Open(block)).Key;

    private int Compare(int node, double score, ReadOnlySpan<byte> member)
    {
        var other = At(node).Score;
        return other < score ? -1 : other > score ? 1 : MemberOf(At(node).Block).SequenceCompareTo(member);
    }

    private int Insert(int tree, int node, ReadOnlySpan<byte> member)
    {
        if (tree == 0) return node;
        if (At(node).Priority > At(tree).Priority)
        {
            (At(node).Left, At(node).Right) = Split(tree, At(node).Score, member);
            return Weigh(node);
        }
        // Nodes do not move while none is made, so these are set after the calls.
        if (Compare(tree, At(node).Score, member) < 0) At(tree).Right = Insert(At(tree).Right, node, member);
        else At(tree).Left = Insert(At(tree).Left, node, member);
        return Weigh(tree);
    }

    // What comes before a member, and what behind.
    private (int Before, int Behind) Split(int tree, double score, ReadOnlySpan<byte> member)
    {
        if (tree == 0) return (0, 0);
        if (Compare(tree, score, member) < 0)
        {
            var (before, behind) = Split(At(tree).Right, score, member);
            At(tree).Right = before;
            return (Weigh(tree), behind);
        }
        else
        {
            var (before, behind) = Split(At(tree).Left, score, member);
            At(tree).Left = behind;
            return (before, Weigh(tree));
        }
    }

    private int Merge(int before, int behind)
    {
        if (before == 0 || behind == 0) return before | behind;
        if (At(before).Priority > At(behind).Priority)
        {
            At(before).Right = Merge(At(before).Right, behind);
            return Weigh(before);
        }
        At(behind).Left = Merge(before, At(behind).Left);
        return Weigh(behind);
    }

    private int Remove(int tree, double score, ReadOnlySpan<byte> member)
    {
        var order = Compare(tree, score, member);
        if (order == 0)
        {
            var rest = Merge(At(tree).Left, At(tree).Right);
            At(tree) = new Node { Left = _free };
            _free = tree;
            return rest;
        }
        if (order < 0) At(tree).Right = Remove(At(tree).Right, score, member);
        else At(tree).Left = Remove(At(tree).Left, score, member);
        return Weigh(tree);
    }

    private int Weigh(int tree)
    {
        At(tree).Size = At(At(tree).Left).Size + At(At(tree).Right).Size + 1;
        return tree;
    }

    private void Collect(int tree, int from, int to, List<int> found)
    {
        if (tree == 0 || from >= to) return;
        var left = At(At(tree).Left).Size;
        if (from < left) Collect(At(tree).Left, from, Math.Min(to, left), found);
        if (from <= left && to > left) found.Add(tree);
        if (to > left + 1) Collect(At(tree).Right, Math.Max(from - left - 1, 0), to - left - 1, found);
    }

    private int NewNode(double score, long block)
    {
        var node = _free;
        if (node != 0) _free = At(node).Left;
        else
        {
            node = _untouched++;
            MakeRoom(node);
        }
        At(node) = new Node { Score = score, Block = block, Size = 1, Priority = (uint)(keyspace.Chance.NextDouble() * uint.MaxValue) };
        return node;
    }

    private void MakeRoom(int node)
    {
        var page = node >> PageBits;
        if (page == _pages.Length)
        {
            // The list of pages is small: a page has a thousand nodes.
            Array.Resize(ref _pages, page + 1);
            _pages[page] = new Node[PageNodes];
            Bytes += PageNodes * NodeBytes;
        }
        else if (page == 0 && node == _pages[0].Length)
        {
            Array.Resize(ref _pages[0], node * 2);
            Bytes += node * NodeBytes;
        }
    }

    private struct Node
    {
        public double Score;
        public long Block;
        // In a free node Left is the next free one.
        public int Left, Right, Size;
        public uint Priority;
    }
}
