using System.Buffers;
using FeedMall.KvStore.Data;

namespace FeedMall.KvStore.Protocol;

/// <summary>
/// Buffers for what comes and goes. Large ones are not kept for the next who needs one: a pool would hold the memory of the largest commands ever seen
/// for as long as the process lives.
/// </summary>
internal static class BufferPool
{
    private const int MostKeptBytes = 1024 * 1024;

    /// <summary>A buffer of at least so many bytes.</summary>
    public static byte[] Rent(int bytes) => bytes <= MostKeptBytes ? ArrayPool<byte>.Shared.Rent(bytes) : GC.AllocateUninitializedArray<byte>(bytes);

    /// <summary>A buffer is needed no more; an empty one costs nothing.</summary>
    public static void Return(byte[] buffer)
    {
        if (buffer.Length > MostKeptBytes) PhysicalMemory.GiveBack(buffer);
        else if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
    }
}
