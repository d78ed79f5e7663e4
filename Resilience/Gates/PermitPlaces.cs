using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FeedMall.Resilience.Gates;

/// <summary>
/// The places of the permits that are out. A place carries the number of its lease: odd while it is out, even while it is free, and never the same
/// again, so that an old permit cannot give back a newer one. Places are used again and never freed: there are about as many as permits were out at once.
/// </summary>
/// <remarks>
/// Each thread has a home, a place on a cache line of its own, which it takes and gives back with one atomic instruction each; threads may share a home. Who
/// finds it taken gets a place from a stack. How many were let in is the sum of the leases, so that nothing else needs to be counted.
/// </remarks>
internal sealed class PermitPlaces
{
    private const int Homes = 16;
    private const int ChunkBits = 6;
    private const int ChunkSize = 1 << ChunkBits;

    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Home
    {
        [FieldOffset(0)]
        public long Lease;
    }

    private struct Place
    {
        public long Lease;
        public int NextFree;
    }

    // The first one stays unused: what the runtime keeps before the elements shares its cache line.
    private readonly Home[] _homes = new Home[Homes + 1];
    // Guards the growth of _chunks. The array of chunks is replaced, never changed; a chunk stays where it is.
    private readonly Lock _growing = new();
    private Place[][] _chunks = [];
    // Stack of the free places. Low 32 bits: index + 1 of the first one, 0 for none. High 32 bits: count of changes, so that a thread that was held up
    // between reading the head and swapping it does not take a stack that has changed and changed back.
    private long _free;

    /// <summary>Leases that were begun.</summary>
    public long Taken
    {
        get
        {
            long taken = 0;
            foreach (ref var home in _homes.AsSpan()) taken += (Volatile.Read(ref home.Lease) + 1) / 2;
            foreach (var chunk in Volatile.Read(ref _chunks))
                foreach (ref var place in chunk.AsSpan()) taken += (Volatile.Read(ref place.Lease) + 1) / 2;
            return taken;
        }
    }

    /// <summary>A free place and the number of its lease. Homes have the indices −1 to −16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (int Place, long Lease) Take()
    {
        var home = 1 + (Environment.CurrentManagedThreadId & (Homes - 1));
        ref var lease = ref _homes[home].Lease;
        var free = Volatile.Read(ref lease);
        return (free & 1) == 0 && Interlocked.CompareExchange(ref lease, free + 1, free) == free ? (-home, free + 1) : TakeFromStack();
    }

    /// <summary>Ends a lease. False when it had ended before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGiveBack(int index, long lease)
    {
        if (index < 0) return Interlocked.CompareExchange(ref _homes[-index].Lease, lease + 1, lease) == lease;
        return TryGiveBackToStack(index, lease);
    }

    private (int Place, long Lease) TakeFromStack()
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
            if (Interlocked.CompareExchange(ref _free, rest, head) != head) continue;
            // Nobody else writes here now: the place is off the stack, and no permit has an even number.
            var lease = place.Lease + 1;
            Volatile.Write(ref place.Lease, lease);
            return (index, lease);
        }
    }

    private bool TryGiveBackToStack(int index, long lease)
    {
        if (Interlocked.CompareExchange(ref At(index).Lease, lease + 1, lease) != lease) return false;
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
