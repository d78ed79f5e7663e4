using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FeedMall.KvStore.Data;

/// <summary>
/// Memory for entries: blocks cut from pages of 1 MiB, all blocks of a page of one size. A page is one array without references, so a million
/// entries are a hundred objects to the garbage collector. Sizes go up in steps of 8 bytes to 128, then eight to a doubling, so at most an eighth
/// of a block is lost; a block over 64 KiB has a page of its own. A block's name is its page (upper bits) and its place in units of 8 bytes (lower 17);
/// 0 names none. Not thread safe: the engine's lock guards it.
/// </summary>
internal sealed class Slabs
{
    private const int PageBytes = 1 << 20;
    private const int PlaceBits = 17;
    private const int PlaceMask = (1 << PlaceBits) - 1;
    private const int MaxSharedBytes = 64 * 1024;
    private const int Classes = 16 + 9 * 8 + 1;
    private const int MostSpares = 16;
    private const int None = -1;

    private readonly Stack<int> _freeNumbers = new();
    private readonly Stack<byte[]> _spares = new();
    // The first page of each class that has room, the others hang on it.
    private readonly int[] _withRoom = new int[Classes];
    private byte[]?[] _pages = new byte[]?[64];
    private Page[] _states = new Page[64];
    private int _pageCount = 1; // page 0 is never used, so that no block is called 0

    public Slabs() => Array.Fill(_withRoom, None);

    /// <summary>Bytes of all blocks that are handed out, each with its whole size.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>Bytes of all pages: what the blocks cost the process.</summary>
    public long PageTotalBytes { get; private set; }

    /// <summary>Bytes that blocks were ever cut from in the pages that there are: what the process really has taken from the system, blocks that are free again included.</summary>
    public long TakenBytes { get; private set; }

    /// <summary>Hands out a block of at least this size.</summary>
    public long Allocate(int bytes)
    {
        var kind = ClassOf(bytes);
        if (kind == 0) return AllocateOwnPage(bytes);
        var number = _withRoom[kind];
        if (number == None) number = OpenPage(kind);
        ref var page = ref _states[number];
        int place;
        if (page.FirstFree != None)
        {
            place = page.FirstFree;
            page.FirstFree = MemoryMarshal.Read<int>(_pages[number].AsSpan(place << 3));
        }
        else
        {
            place = page.Untouched >> 3;
            page.Untouched += page.BlockBytes;
            TakenBytes += page.BlockBytes;
        }
        page.Used++;
        if (page.FirstFree == None && page.Untouched + page.BlockBytes > PageBytes) Unlink(number, ref page);
        UsedBytes += page.BlockBytes;
        return ((long)number << PlaceBits) | (uint)place;
    }

    /// <summary>Takes a block back.</summary>
    public void Free(long block)
    {
        var number = (int)(block >> PlaceBits);
        ref var page = ref _states[number];
        UsedBytes -= page.BlockBytes;
        if (page.Class == 0)
        {
            TakenBytes -= page.BlockBytes;
            Release(number, page.BlockBytes);
            return;
        }
        var place = (int)block & PlaceMask;
        if (page.FirstFree == None && page.Untouched + page.BlockBytes > PageBytes) Link(number, ref page);
        MemoryMarshal.Write(_pages[number].AsSpan(place << 3), page.FirstFree);
        page.FirstFree = place;
        if (--page.Used > 0) return;
        Unlink(number, ref page);
        TakenBytes -= page.Untouched;
        Release(number, PageBytes);
    }

    /// <summary>The whole block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Open(long block)
    {
        var number = (int)(block >> PlaceBits);
        return _pages[number].AsSpan(((int)block & PlaceMask) << 3, _states[number].BlockBytes);
    }

    /// <summary>Whether a block is of the size that <see cref="Allocate"/> would choose for this many bytes.</summary>
    public bool Fits(long block, int bytes)
    {
        ref var page = ref _states[(int)(block >> PlaceBits)];
        return page.Class == 0 ? bytes <= page.BlockBytes && bytes > page.BlockBytes / 2 && bytes > MaxSharedBytes : ClassOf(bytes) == page.Class;
    }

    /// <summary>The size of a block that would be handed out for this many bytes.</summary>
    public static int BlockBytes(int bytes) => ClassOf(bytes) is var kind and not 0 ? SizeOf(kind) : bytes;

    private long AllocateOwnPage(int bytes)
    {
        var number = AddPage(GC.AllocateUninitializedArray<byte>(bytes), new Page { Class = 0, BlockBytes = bytes });
        PageTotalBytes += bytes;
        TakenBytes += bytes;
        UsedBytes += bytes;
        return (long)number << PlaceBits;
    }

    private int OpenPage(int kind)
    {
        if (!_spares.TryPop(out var bytes)) bytes = GC.AllocateUninitializedArray<byte>(PageBytes);
        PageTotalBytes += PageBytes;
        var number = AddPage(bytes, new Page { Class = kind, BlockBytes = SizeOf(kind), FirstFree = None });
        Link(number, ref _states[number]);
        return number;
    }

    private int AddPage(byte[] bytes, Page state)
    {
        if (!_freeNumbers.TryPop(out var number))
        {
            number = _pageCount++;
            if (number == _pages.Length)
            {
                Array.Resize(ref _pages, number * 2);
                Array.Resize(ref _states, number * 2);
            }
        }
        _pages[number] = bytes;
        _states[number] = state;
        return number;
    }

    private void Release(int number, int bytes)
    {
        PhysicalMemory.GiveBack(_pages[number]!);
        if (_states[number].Class != 0 && _spares.Count < MostSpares) _spares.Push(_pages[number]!);
        PageTotalBytes -= bytes;
        _pages[number] = null;
        _freeNumbers.Push(number);
    }

    private void Link(int number, ref Page page)
    {
        var first = _withRoom[page.Class];
        (page.Previous, page.Next) = (None, first);
        if (first != None) _states[first].Previous = number;
        _withRoom[page.Class] = number;
    }

    private void Unlink(int number, ref Page page)
    {
        if (page.Previous != None) _states[page.Previous].Next = page.Next;
        else if (_withRoom[page.Class] == number) _withRoom[page.Class] = page.Next;
        if (page.Next != None) _states[page.Next].Previous = page.Previous;
    }

    // 0: too large to share a page.
    private static int ClassOf(int bytes)
    {
        if (bytes <= 128) return (Math.Max(bytes, 16) + 7) >> 3;
        if (bytes > MaxSharedBytes) return 0;
        var doubling = BitOperations.Log2((uint)(bytes - 1));
        return 17 + (doubling - 7) * 8 + ((bytes - 1 - (1 << doubling)) >> (doubling - 3));
    }

    private static int SizeOf(int kind)
    {
        if (kind <= 16) return kind << 3;
        var doubling = 7 + (kind - 17) / 8;
        return (1 << doubling) + ((kind - 17) % 8 + 1 << (doubling - 3));
    }

    private struct Page
    {
        public int Class, BlockBytes, Used, Next, Previous;
        // The place of the first block that was freed (each holds the place of the next), and the byte where nothing was handed out yet.
        public int FirstFree, Untouched;
    }
}
