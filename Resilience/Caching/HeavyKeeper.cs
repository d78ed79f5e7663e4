using System.Collections.Concurrent;
using FeedMall.Resilience.Balancing;

namespace FeedMall.Resilience.Caching;

/// <summary>A hot key and how often it came, about.</summary>
public readonly record struct HotKey(string Key, long Count);

/// <summary>
/// Finds the keys that come most often, in fixed memory, however many different ones come. Counts of rare keys decay as others take their bucket; counts of
/// frequent ones hardly do. (HeavyKeeper, ALGORITHMS §10.7.)
/// </summary>
/// <remarks>
/// Thread safe. Counting takes no lock: buckets, and the counts of keys that are known as hot, change by compare and swap. Only a key that is about to become
/// hot, and the fading, take the lock. Counts of a hot key only grow between two fadings, so the heap is put in order when its root is needed. A known key
/// allocates nothing. Keys longer than <see cref="MaxKeyLength"/> are not counted, which bounds the memory.
/// </remarks>
public sealed class HeavyKeeper
{
    /// <summary>In characters.</summary>
    public const int MaxKeyLength = 512;

    /// <summary>That one call of <see cref="Add"/> may count.</summary>
    public const int MaxTimes = 1000;

    private sealed class Node(string key, long count)
    {
        public readonly string Key = key;
        // Grows by any thread.
        public long Count = count;
        // The count by which it stands in the heap; never more than Count. Guarded by _gate.
        public long HeapCount = count;
    }

    // Guards _heap, the set of keys in _nodes, the fading and the change of the options.
    private readonly Lock _gate = new();
    private readonly PriorityQueue<Node, long> _heap;
    private readonly ConcurrentDictionary<string, Node> _nodes = new();
    private readonly HeavyKeeperSketch _sketch;
    private readonly TimeProvider _clock;
    private readonly IChance _chance;
    private HeavyKeeperOptions _options;
    private long _fadeTicks;
    private long _fadedAt;
    // No key with fewer is taken while all places are taken: never more than the root's count.
    private long _least;

    /// <summary>Nothing was counted yet. Checks the options.</summary>
    public HeavyKeeper(HeavyKeeperOptions options, TimeProvider clock, IChance chance)
    {
        options.Check();
        (_options, _clock, _chance) = (options, clock, chance);
        _sketch = new HeavyKeeperSketch(options.ActualWidth, options.Depth, options.Decay);
        _heap = new PriorityQueue<Node, long>(options.Keys + 1);
        _fadeTicks = Ticks(options.FadeEvery);
        _fadedAt = clock.GetTimestamp();
    }

    /// <summary>Called with each key that is no longer hot, by the thread that found out; must not throw.</summary>
    public Action<string>? Expelled { get; init; }

    /// <summary>
    /// May be set at any time; what was counted stays, and keys that are no longer hot by the new options are expelled at once. Width, Depth and Decay stay as they were at the
    /// start: a bucket knows only a hash of its key, so counts cannot move to other buckets, and those that have decayed one way cannot be made to have decayed another.
    /// </summary>
    /// <exception cref="ArgumentException">Width, Depth or Decay is another one.</exception>
    public HeavyKeeperOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            List<string> expelled = [];
            lock (_gate)
            {
                if ((value.Width, value.Depth, value.Decay) != (_options.Width, _options.Depth, _options.Decay))
                    throw new ArgumentException("Width, Depth and Decay cannot change: make a new one", nameof(value));
                Volatile.Write(ref _options, value);
                Volatile.Write(ref _fadeTicks, Ticks(value.FadeEvery));
                Sift(shift: 0, expelled);
            }
            Tell(expelled);
        }
    }

    /// <summary>Counts a key.</summary>
    /// <param name="key">At most <see cref="MaxKeyLength"/> characters, else it is not counted.</param>
    /// <param name="times">1 to <see cref="MaxTimes"/>.</param>
    /// <returns>Whether it is hot now.</returns>
    public bool Add(string key, int times = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(times, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(times, MaxTimes);
        if (key.Length > MaxKeyLength) return false;
        var now = _clock.GetTimestamp();
        if (now - Volatile.Read(ref _fadedAt) >= Volatile.Read(ref _fadeTicks)) Fade(now);

        long estimate = _sketch.Add(Hash(key), times, _chance);
        if (_nodes.TryGetValue(key, out var node))
        {
            Raise(node, estimate);
            return true;
        }
        if (estimate < Options.MinCount || estimate <= Volatile.Read(ref _least)) return false;
        return TryEnter(key, estimate);
    }

    /// <summary>Whether the key is one of the hot ones.</summary>
    public bool IsHot(string key) => _nodes.ContainsKey(key);

    /// <summary>The hot keys, the most frequent first.</summary>
    public IReadOnlyList<HotKey> Snapshot() =>
        [.. _nodes.Values.Select(node => new HotKey(node.Key, Interlocked.Read(ref node.Count))).OrderByDescending(hot => hot.Count).ThenBy(hot => hot.Key, StringComparer.Ordinal)];

    private static void Raise(Node node, long count)
    {
        var before = Interlocked.Read(ref node.Count);
        while (count > before)
        {
            var seen = Interlocked.CompareExchange(ref node.Count, count, before);
            if (seen == before) return;
            before = seen;
        }
    }

    private bool TryEnter(string key, long estimate)
    {
        string? expelled = null;
        lock (_gate)
        {
            if (_nodes.TryGetValue(key, out var node))
            {
                Raise(node, estimate);
                return true;
            }
            if (estimate < _options.MinCount) return false;
            if (_heap.Count == _options.Keys)
            {
                var root = Root();
                if (estimate <= root.HeapCount) return false;
                _heap.Dequeue();
                _nodes.TryRemove(root.Key, out _);
                expelled = root.Key;
            }
            node = new Node(key, estimate);
            _heap.Enqueue(node, estimate);
            _nodes[key] = node;
            if (_heap.Count == _options.Keys) Root();
        }
        if (expelled is not null) Expelled?.Invoke(expelled);
        return true;
    }

    // Under the lock. Counts that grew since are put in order as far as the root depends on it: the others stand by no more than they have.
    private Node Root()
    {
        var root = _heap.Peek();
        for (var count = Interlocked.Read(ref root.Count); count > root.HeapCount; root = _heap.Peek(), count = Interlocked.Read(ref root.Count))
        {
            root.HeapCount = count;
            _heap.DequeueEnqueue(root, count);
        }
        Volatile.Write(ref _least, root.HeapCount);
        return root;
    }

    private void Fade(long now)
    {
        List<string> expelled = [];
        lock (_gate)
        {
            var periods = (now - _fadedAt) / _fadeTicks;
            if (periods <= 0) return;
            Volatile.Write(ref _fadedAt, _fadedAt + periods * _fadeTicks);
            var shift = (int)Math.Min(periods, 31);
            _sketch.Fade(shift);
            Sift(shift, expelled);
        }
        Tell(expelled);
    }

    // Under the lock. Divides the counts by 2^shift, and takes out the keys that are no longer hot then.
    private void Sift(int shift, List<string> expelled)
    {
        _heap.Clear();
        foreach (var node in _nodes.Values)
        {
            node.HeapCount = Interlocked.Read(ref node.Count) >> shift;
            Interlocked.Exchange(ref node.Count, node.HeapCount);
            _heap.Enqueue(node, node.HeapCount);
        }
        while (_heap.TryPeek(out var least, out var count) && (count < _options.MinCount || _heap.Count > _options.Keys))
        {
            _heap.Dequeue();
            _nodes.TryRemove(least.Key, out _);
            expelled.Add(least.Key);
        }
        // Places are free, or the root has fewer.
        Volatile.Write(ref _least, 0);
        if (_heap.Count == _options.Keys) Root();
    }

    private void Tell(List<string> expelled)
    {
        if (Expelled is { } tell) expelled.ForEach(tell);
    }

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _clock.TimestampFrequency);

    // By characters instead of bytes of UTF-8: no key is encoded on the way.
    private static ulong Hash(string key)
    {
        var hash = Fnv1a.Start64;
        foreach (var letter in key) hash = (hash ^ letter) * 0x100000001b3;
        return hash;
    }
}
