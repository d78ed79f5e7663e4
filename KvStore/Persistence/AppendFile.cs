using Microsoft.Win32.SafeHandles;

namespace FeedMall.KvStore.Persistence;

/// <summary>A file that only grows. What could not be written is written again at the same place, so a write that failed halfway leaves nothing behind.</summary>
internal sealed class AppendFile(string path, Action<SafeFileHandle> flushToDisk) : IDisposable
{
    private readonly SafeFileHandle _handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
    private long _syncedLength;

    public string Name => Path.GetFileName(path);

    /// <summary>Bytes that were written whole.</summary>
    public long Length { get; private set; } = File.Exists(path) ? new FileInfo(path).Length : 0;

    /// <summary>Whether a power failure could still take some of it.</summary>
    public bool IsUnsynced => Length > _syncedLength;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(_handle, bytes, Length);
        Length += bytes.Length;
    }

    /// <summary>Returns when the disk has it all.</summary>
    public void Sync()
    {
        flushToDisk(_handle);
        _syncedLength = Length;
    }

    public void Dispose() => _handle.Dispose();
}
