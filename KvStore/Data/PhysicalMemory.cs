using System.Runtime.InteropServices;

namespace FeedMall.KvStore.Data;

/// <summary>
/// Gives the memory behind a large array back to the system at once, while the array stays an object of the garbage collector, full of zeros or of what was in
/// it. So nobody waits for a collection, which would stop all clients. Only on Linux; elsewhere the collector gives memory back when it likes.
/// </summary>
internal static class PhysicalMemory
{
    private const int DontNeed = 4;
    private const int LeastBytes = 64 * 1024;

    /// <summary>Nobody needs what is in this array.</summary>
    public static void GiveBack(byte[] bytes)
    {
        if (bytes.Length < LeastBytes || !OperatingSystem.IsLinux()) return;
        var pinned = GCHandle.Alloc(bytes, GCHandleType.Pinned);
        // Whole pages of the system only: the collector's own notes stand before and behind.
        nint page = Environment.SystemPageSize;
        var start = (pinned.AddrOfPinnedObject() + page - 1) / page * page;
        var end = (pinned.AddrOfPinnedObject() + bytes.Length) / page * page;
        // It is advice: where it is not taken, the memory is only given back later.
        _ = Advise(start, end - start, DontNeed);
        pinned.Free();
    }

    [DllImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Advise(nint start, nint length, int advice);
}
