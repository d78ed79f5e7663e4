using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace FeedMall.Resilience.Caching;

/// <summary>
/// A map that holds so many entries and so much weight at most. Entries begin on probation, a queue that gets a tenth of the room. When the oldest there has
/// its turn and was read meanwhile, it moves to the main queue, else it is evicted. In the main queue an entry that was read meanwhile gets another round.
/// A key that comes again soon after it was evicted from probation goes to the main queue at once. So a scan of keys that are read once drives out other such
/// keys, and not what is in use. (The rules of S3-FIFO.)
/// </summary>
/// <remarks>
/// Reading takes no lock and at most marks the entry. The owner guards everything else by its own lock. To evict costs O(1) on average: each entry that is
/// passed over was read for it.
/// </remarks>
internal sealed class EvictingMap<TKey, TValue>(int maxEntries, long maxWeight) where TKey : notnull where TValue : class
{
    private const double ProbationShare = 0.1;

    private sealed class Node
    {
        public Node(TKey key, TValue value, long weight)
        {
            (Key, Value, Weight) = (key, value, weight);
            Place = new LinkedListNode<Node>(this);
        }

        public readonly TKey Key;
        public volatile TValue Value;
        public volatile bool WasRead;
        public long Weight;
        public bool IsMain;
        public readonly LinkedListNode<Node> Place;
    }

    private readonly ConcurrentDictionary<TKey, Node> _nodes = new();
    private readonly LinkedList<Node> _probation = [];
    private readonly LinkedList<Node> _main = [];
    // The last evictions from probation, as many as there may be entries: the hash of each key and the number of the eviction. A hash leaves _goneAt when its key
    // comes again, so an older eviction of the same hash that is still in line must not take a newer one with it.
    private readonly Queue<(int Hash, long Number)> _gone = new();
    private readonly Dictionary<int, long> _goneAt = [];
    private long _goneNumber;
    private long _probationWeight;
    private int _maxEntries = maxEntries;
    private long _maxWeight = maxWeight;

    /// <summary>A copy, by any thread.</summary>
    public IReadOnlyCollection<TKey> Keys => [.. _nodes.Keys];

    public int Count => _probation.Count + _main.Count;

    public long Weight { get; private set; }

    public long Evicted { get; private set; }

    /// <summary>Keys that are known to have been evicted lately.</summary>
    public int Remembered => _goneAt.Count;

    /// <summary>By any thread at any time.</summary>
    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (!_nodes.TryGetValue(key, out var node))
        {
            value = null;
            return false;
        }
        // Writing it every time would move the entry from core to core.
        if (!node.WasRead) node.WasRead = true;
        value = node.Value;
        return true;
    }

    /// <summary>Adds or replaces, and evicts others until everything fits. False when it is heavier than all the room: then the key is not in the map.</summary>
    public bool Set(TKey key, TValue value, long weight)
    {
        if (weight > _maxWeight)
        {
            Remove(key);
            return false;
        }
        if (_nodes.TryGetValue(key, out var node))
        {
            Unlink(node);
            (node.Value, node.Weight) = (value, weight);
        }
        else
        {
            node = new Node(key, value, weight) { IsMain = _goneAt.Remove(key.GetHashCode()) };
            _nodes[key] = node;
        }
        Link(node);
        Shrink(node);
        return true;
    }

    public bool Remove(TKey key)
    {
        if (!_nodes.TryRemove(key, out var node)) return false;
        Unlink(node);
        return true;
    }

    public void Clear()
    {
        _nodes.Clear();
        _probation.Clear();
        _main.Clear();
        _gone.Clear();
        _goneAt.Clear();
        _probationWeight = Weight = 0;
    }

    /// <summary>Changes the bounds, and evicts what no longer fits.</summary>
    public void Resize(int maxEntries, long maxWeight)
    {
        (_maxEntries, _maxWeight) = (maxEntries, maxWeight);
        Shrink(null);
        ForgetGone();
    }

    private void Shrink(Node? keep)
    {
        while (Count > _maxEntries || Weight > _maxWeight) EvictOne(keep);
    }

    private void EvictOne(Node? keep)
    {
        // Readers may mark entries again as fast as they are passed over, but after a whole round somebody goes.
        for (var chances = Count; ; chances--)
        {
            var node = (IsProbationsTurn || _main is { Count: 1 } && ReferenceEquals(_main.First!.Value, keep) ? _probation : _main).First!.Value;
            Unlink(node);
            if (!ReferenceEquals(node, keep) && (!node.WasRead || chances <= 0))
            {
                _nodes.TryRemove(node.Key, out _);
                if (!node.IsMain) Remember(node.Key.GetHashCode());
                Evicted++;
                return;
            }
            node.WasRead = false;
            node.IsMain = true;
            Link(node);
        }
    }

    private void Remember(int hash)
    {
        _goneAt[hash] = ++_goneNumber;
        _gone.Enqueue((hash, _goneNumber));
        ForgetGone();
    }

    private void ForgetGone()
    {
        while (_gone.Count > _maxEntries)
        {
            var (hash, number) = _gone.Dequeue();
            if (_goneAt.TryGetValue(hash, out var last) && last == number) _goneAt.Remove(hash);
        }
    }

    // A newcomer that weighs more than its queue's share gets in all the same.
    private bool IsProbationsTurn => _main.Count == 0
        || _probation.Count > 1 && (_probation.Count > _maxEntries * ProbationShare || _probationWeight > _maxWeight * ProbationShare);

    private void Link(Node node)
    {
        (node.IsMain ? _main : _probation).AddLast(node.Place);
        AddWeight(node, node.Weight);
    }

    private void Unlink(Node node)
    {
        (node.IsMain ? _main : _probation).Remove(node.Place);
        AddWeight(node, -node.Weight);
    }

    private void AddWeight(Node node, long weight)
    {
        Weight += weight;
        if (!node.IsMain) _probationWeight += weight;
    }
}
