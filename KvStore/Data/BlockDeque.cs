using System.Runtime.CompilerServices;

namespace FeedMall.KvStore.Data;

/// <summary>
/// Blocks in a row, added and taken at both ends in constant time. Few lie in one ring that doubles; more in pages of 1,024, of which those between the
/// first and the last exist, so growing never moves them. Positions count on without end in both directions; a page's place is its number
/// modulo the number of places, which is a power of two.
/// </summary>
internal sealed class BlockDeque
{
    private const int MaxPageBits = 10;
    private const int PageBlocks = 1 << MaxPageBits;
    private const int PageBytes = PageBlocks * 8 + 24;

    private long[]?[] _pages = [new long[4]];
    private int _bits = 2;
    private long _first;

    public int Count { get; private set; }

    /// <summary>Bytes of the arrays.</summary>
    public long Bytes { get; private set; } = 4 * 8 + 24;

    public ref long this[int at]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref Slot(_first + at);
    }

    public void AddLast(long block)
    {
        MakeRoom(atFront: false);
        Slot(_first + Count) = block;
        Count++;
    }

    public void AddFirst(long block)
    {
        MakeRoom(atFront: true);
        Slot(--_first) = block;
        Count++;
    }

    public long TakeLast()
    {
        var at = _first + --Count;
        var block = Slot(at);
        if (at >> _bits != (at - 1) >> _bits) Release(at);
        return block;
    }

    public long TakeFirst()
    {
        var at = _first++;
        Count--;
        var block = Slot(at);
        if (at >> _bits != _first >> _bits) Release(at);
        return block;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref long Slot(long position) => ref _pages[PageOf(position)]![(int)position & ((1 << _bits) - 1)];

    private int PageOf(long position) => (int)(position >> _bits) & (_pages.Length - 1);

    // A slot for one more at an end.
    private void MakeRoom(bool atFront)
    {
        if (_pages.Length == 1)
        {
            if (Count < 1 << _bits) return;
            if (_bits < MaxPageBits)
            {
                GrowRing();
                return;
            }
            // From one full ring to pages: it becomes the second of four.
            Straighten(PageBlocks);
            (_pages, _first) = ([null, _pages[0], null, null], PageBlocks);
            Bytes += 24;
        }
        var first = atFront ? _first - 1 : _first;
        var last = first + Count;
        if ((last >> _bits) - (first >> _bits) + 1 > _pages.Length) GrowPages();
        EnsurePage(atFront ? first : last);
    }

    private void GrowRing()
    {
        Straighten(2 << _bits);
        _bits++;
        Bytes += (1 << _bits) / 2 * 8;
    }

    private void Straighten(int length)
    {
        var page = new long[length];
        for (var i = 0; i < Count; i++) page[i] = this[i];
        (_pages[0], _first) = (page, 0);
    }

    private void GrowPages()
    {
        var pages = new long[]?[_pages.Length * 2];
        var last = (_first + Count - 1) >> _bits;
        for (var page = _first >> _bits; page <= last; page++) pages[(int)page & (pages.Length - 1)] = _pages[(int)page & (_pages.Length - 1)];
        Bytes += _pages.Length * 8;
        _pages = pages;
    }

    private void EnsurePage(long position)
    {
        ref var page = ref _pages[PageOf(position)];
        if (page is not null) return;
        page = new long[PageBlocks];
        Bytes += PageBytes;
    }

    // The page was left. One ring stays.
    private void Release(long position)
    {
        if (_pages.Length == 1) return;
        _pages[PageOf(position)] = null;
        Bytes -= PageBytes;
    }
}
