namespace FeedMall.KvStore.Data;

/// <summary>Says what has become of the entry that a node was set for.</summary>
internal interface IExpiring
{
    /// <summary>Removes the node's entry if its time has come; gives it a new node if it is later.</summary>
    void Fire(WheelNode node, uint tick);

    /// <summary>Whether an entry still counts on this node.</summary>
    bool IsWanted(WheelNode node);
}

/// <summary>
/// A moment at which an entry must be looked at: its database's slot, table and tag in the index, and the lower 26 bits of the tick. The entry remembers the tick
/// of the one node that counts for it, so a node that was overtaken is known by its tick: that is its version.
/// </summary>
internal readonly record struct WheelNode(ulong Bits)
{
    public const int TickBits = 26;
    public const uint TickMask = (1 << TickBits) - 1;

    public WheelNode(int slot, ulong hash, uint tick)
        : this(((ulong)slot << 60) | ((ulong)KeyIndex.TableOf(hash) << 50) | ((ulong)KeyIndex.TagOf(hash) << 26) | (tick & TickMask)) { }

    /// <summary>The database that it is about.</summary>
    public int Slot => (int)(Bits >> 60);

    public int Table => (int)(Bits >> 50) & 1023;

    public uint Tag => (uint)(Bits >> 26) & 0xffffff;

    public uint Tick => (uint)Bits & TickMask;
}

/// <summary>
/// A hierarchical timing wheel: ticks of 16 ms; 256 slots of one tick, then three rings of 64 slots, 12 days together. What is later is set for the last
/// moment and set anew then. Setting costs O(1) and 8 bytes; nothing is ever taken out: a node whose entry is gone or has another node is dropped when it
/// fires, or by a compaction when such nodes become many. Work is done in slices, so that the caller can let others in between. Guarded by the engine's lock.
/// </summary>
internal sealed class ExpiryWheel(long startMs)
{
    /// <summary>How long a tick is.</summary>
    public const int TickMs = 1 << TickShift;

    private const int TickShift = 4;
    private const uint MostTicks = WheelNode.TickMask - 1024;
    private const int FirstRing = 256;
    private const int Ring = 64;
    private const int SlotCount = FirstRing + 3 * Ring;
    private const int CompactAbove = 65_536;
    private const int MostSpareChunks = 256;

    private readonly Chunk?[] _slots = new Chunk?[SlotCount];
    private readonly Stack<Chunk> _spares = new();
    private Chunk? _pending;
    private long _tick;
    private int _compactAt = SlotCount;

    /// <summary>Nodes in the wheel, those that nobody waits for included.</summary>
    public long Count { get; private set; }

    /// <summary>Bytes that the nodes take.</summary>
    public long Bytes { get; private set; }

    /// <summary>The tick at which an entry with this time is gone. The first one that lies wholly behind it.</summary>
    public uint TickOf(long expireAtMs)
    {
        var ticks = (Math.Clamp(expireAtMs, startMs, long.MaxValue - 32) - startMs >> TickShift) + 1;
        return (uint)(_tick + Math.Clamp(ticks - _tick, 1, MostTicks));
    }

    /// <summary>Whether a node of this tick is still to come, and not later than the other.</summary>
    public bool Covers(uint nodeTick, uint tick) => nodeTick - (uint)_tick - 1 < MostTicks && nodeTick - (uint)_tick <= tick - (uint)_tick;

    /// <summary>Adds a node for a tick that <see cref="TickOf"/> gave.</summary>
    public void Add(WheelNode node)
    {
        var delta = (node.Tick - (uint)_tick) & WheelNode.TickMask;
        var tick = (uint)_tick + delta;
        var slot = delta switch
        {
            < FirstRing => tick & (FirstRing - 1),
            < FirstRing * Ring => FirstRing + ((tick >> 8) & (Ring - 1)),
            < FirstRing * Ring * Ring => FirstRing + Ring + ((tick >> 14) & (Ring - 1)),
            _ => FirstRing + 2 * Ring + ((tick >> 20) & (Ring - 1)),
        };
        ref var head = ref _slots[slot];
        if (head is null || head.Count == Chunk.Nodes)
        {
            Bytes += Chunk.Bytes;
            var chunk = _spares.TryPop(out var spare) ? spare : new Chunk();
            chunk.Next = head;
            head = chunk;
        }
        head[head.Count++] = node.Bits;
        Count++;
    }

    /// <summary>Fires what is due, looking at no more than so many nodes.</summary>
    /// <param name="wanted">How many nodes entries count on: many more in the wheel start a compaction.</param>
    /// <returns>Whether everything that was due is done.</returns>
    public bool Advance(long nowMs, long wanted, int budget, IExpiring entries)
    {
        var target = Math.Max(Math.Max(nowMs - startMs, 0) >> TickShift, _tick);
        if (_compactAt == SlotCount && Count > 2 * wanted + CompactAbove) _compactAt = 0;
        while (budget > 0)
        {
            if (_pending is { } chunk)
            {
                budget -= Drain(chunk, budget, entries);
                continue;
            }
            if (_compactAt < SlotCount)
            {
                Detach(_compactAt++);
                budget--;
                continue;
            }
            if (Count == 0) _tick = target;
            if (_tick == target) return true;
            _tick++;
            budget--;
            if ((_tick & 0xff) == 0) Cascade();
            Detach((int)(_tick & (FirstRing - 1)));
        }
        return _pending is null && _tick == target && _compactAt == SlotCount;
    }

    /// <summary>Collects nodes of entries that expire soonest, in the order of slots; those that nobody waits for are dropped on the way.</summary>
    public void CollectSoonest(int most, IExpiring entries, List<WheelNode> found)
    {
        for (var slot = 1; slot < FirstRing && found.Count < most; slot++) Collect((int)(_tick + slot) & (FirstRing - 1), most, entries, found);
        for (var ring = 0; ring < 3; ring++)
        {
            var first = (int)(_tick >> (8 + 6 * ring));
            // The slot of now holds what is a whole turn away.
            for (var slot = 1; slot <= Ring && found.Count < most; slot++)
                Collect(FirstRing + ring * Ring + ((first + slot) & (Ring - 1)), most, entries, found);
        }
    }

    private void Collect(int slot, int most, IExpiring entries, List<WheelNode> found)
    {
        for (var chunk = _slots[slot]; chunk is not null; chunk = chunk.Next)
        {
            for (var i = chunk.Count - 1; i >= 0 && found.Count < most; i--)
            {
                var node = new WheelNode(chunk[i]);
                if (entries.IsWanted(node))
                {
                    found.Add(node);
                    continue;
                }
                chunk[i] = chunk[--chunk.Count];
                Count--;
            }
        }
    }

    private void Cascade()
    {
        if ((_tick & 0xfffff) == 0) Detach(FirstRing + 2 * Ring + (int)((_tick >> 20) & (Ring - 1)));
        if ((_tick & 0x3fff) == 0) Detach(FirstRing + Ring + (int)((_tick >> 14) & (Ring - 1)));
        Detach(FirstRing + (int)((_tick >> 8) & (Ring - 1)));
    }

    private void Detach(int slot)
    {
        if (_slots[slot] is not { } head) return;
        _slots[slot] = null;
        var last = head;
        while (last.Next is { } next) last = next;
        last.Next = _pending;
        _pending = head;
    }

    private int Drain(Chunk chunk, int budget, IExpiring entries)
    {
        var count = Math.Min(budget, chunk.Count);
        for (var i = 0; i < count; i++)
        {
            var node = new WheelNode(chunk[--chunk.Count]);
            Count--;
            if ((node.Tick - ((uint)_tick + 1) & WheelNode.TickMask) >= MostTicks) entries.Fire(node, node.Tick);
            else if (_compactAt == SlotCount || entries.IsWanted(node)) Add(node);
        }
        if (chunk.Count > 0) return count;
        _pending = chunk.Next;
        chunk.Next = null;
        Bytes -= Chunk.Bytes;
        if (_spares.Count < MostSpareChunks) _spares.Push(chunk);
        return Math.Max(count, 1);
    }

    private sealed class Chunk
    {
        public const int Nodes = 500;
        public const long Bytes = Nodes * 8 + 64;
        private readonly ulong[] _nodes = new ulong[Nodes];

        public int Count { get; set; }

        public Chunk? Next { get; set; }

        public ulong this[int at]
        {
            get => _nodes[at];
            set => _nodes[at] = value;
        }
    }
}
