namespace FeedMall.Resilience.Gates;

/// <summary>
/// The places of the permits that are out. A place carries the number of its lease, which changes when it is given back, so that an old permit cannot
/// give back a newer one. Places are used again and never freed: there are as many as permits were out at once.
/// </summary>
internal sealed class PermitPlaces
{
    private const int ChunkBits = 8;
    private const int ChunkSize = 1 << ChunkBits;

    private struct Place
    {
        public int NextFree;
        public int Lease;
    }

    // Guards the growth of _chunks. The array of chunks is replaced, never changed; a chunk stays where it is.
    private readonly Lock _growing = new();
    private Place[][] _chunks = [];
    // Stack of the free places. Low 32 bits: index + 1 of the first one, 0 for none. High 32 bits: count of changes, so that a thread that was held up
    // between reading the head and swapping it does not take a stack that has changed and changed back.
    private long _free;

    /// <summary>A free place and the number of its lease.</summary>
    public (int Place, int Lease) Take()
    {
        while (true)
        {
            var head = Volatile.Read(ref _free);
            var index = (int)head - 1;
            if (index < 0)
            {
                Grow();
                continue;
            }
            ref var place = ref At(index);
            var rest = NextCount(head) | (uint)Volatile.Read(ref place.NextFree);
            if (Interlocked.CompareExchange(ref _free, rest, head) == head) return (index, Volatile.Read(ref place.Lease));
        }
    }

    /// <summary>Ends a lease. False when it had ended before.</summary>
    public bool TryGiveBack(int index, int lease)
    {
        ref var place = ref At(index);
        if (Interlocked.CompareExchange(ref place.Lease, lease + 1, lease) != lease) return false;
        Push(index, index);
        return true;
    }

    // Puts a chain of places, first to last, on the stack of free ones.
    private void Push(int first, int last)
    {
        ref var tail = ref At(last);
        while (true)
        {
            var head = Volatile.Read(ref _free);
            Volatile.Write(ref tail.NextFree, (int)head);
            var grown = NextCount(head) | (uint)(first + 1);
            if (Interlocked.CompareExchange(ref _free, grown, head) == head) return;
        }
    }

    private void Grow()
    {
        lock (_growing)
        {
            if ((int)Volatile.Read(ref _free) != 0) return;
            var chunks = _chunks;
            var first = chunks.Length * ChunkSize;
            var chunk = new Place[ChunkSize];
            for (var i = 0; i < ChunkSize - 1; i++) chunk[i].NextFree = first + i + 2;
            Volatile.Write(ref _chunks, [.. chunks, chunk]);
            Push(first, first + ChunkSize - 1);
        }
    }

    private ref Place At(int index) => ref Volatile.Read(ref _chunks)[index >> ChunkBits][index & (ChunkSize - 1)];

    private static long NextCount(long head) => unchecked(((head >> 32) + 1) << 32);
}
