using System.Buffers;

namespace FeedMall.KvStore.Protocol;

/// <summary>
/// Buffers for what comes and goes. Large ones are not kept for the next who needs one: a pool would hold the memory of the largest commands ever seen
/// for as long as the process lives.
/// </summary>
internal sealed class BufferPool
{
    private const int MostKeptBytes = 1024 * 1024;

    private long _droppedBytes;

    /// <summary>A buffer of at least so many bytes.</summary>
    public static byte[] Rent(int bytes) => bytes <= MostKeptBytes ? ArrayPool<byte>.Shared.Rent(bytes) : GC.AllocateUninitializedArray<byte>(bytes);

    /// <summary>A buffer is needed no more; an empty one costs nothing.</summary>
    public void Return(byte[] buffer)
    {
        if (buffer.Length > MostKeptBytes) Interlocked.Add(ref _droppedBytes, buffer.Length);
        else if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>Bytes that were dropped since somebody took this figure: the collector could give them back.</summary>
    public long DroppedBytes => Volatile.Read(ref _droppedBytes);

    /// <summary>The figure, which then begins anew.</summary>
    public long TakeDroppedBytes() => Interlocked.Exchange(ref _droppedBytes, 0);
}
