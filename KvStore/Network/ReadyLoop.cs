using System.Buffers.Binary;
using System.ComponentModel;
using System.IO.Pipes;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace FeedMall.KvStore.Network;

/// <summary>
/// One thread that waits until clients have sent something and then goes on with their connections itself, one after the other. The runtime's sockets try to
/// receive before they wait, which costs a second system call for each request, and hand over to other threads, which then meet at the data lock. Only
/// on Linux; elsewhere, and with TLS, the runtime's way is used.
/// </summary>
internal sealed class ReadyLoop : IDisposable
{
    private const int MostEvents = 128;
    private const int CloseOnExec = 0x80000;
    private const int Add = 1;
    private const uint Readable = 0x1;
    private const uint Ended = 0x8 | 0x10 | 0x2000; // error, both sides closed, the client's side closed
    private const uint EdgeTriggered = 1u << 31;
    private const int InterruptedCall = 4;

    // The kernel packs its structure on x64 only: 4 bytes of flags, then 8 of which the lower 4 are the file descriptor.
    private static readonly int s_dataAt = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    private readonly int _epoll = Check(EpollCreate(CloseOnExec));
    // Its other end is closed when the thread shall look whether it is done.
    private readonly AnonymousPipeServerStream _wake = new(PipeDirection.In);
    private readonly Lock _lock = new(); // guards the place of the array, its growth and the count
    private Readiness?[] _watched = new Readiness?[64]; // by file descriptor
    private int _count;
    private volatile bool _isStopping;

    public ReadyLoop()
    {
        Control((int)_wake.SafePipeHandle.DangerousGetHandle(), Readable | EdgeTriggered);
        new Thread(Run) { IsBackground = true, Name = "kv connections" }.Start();
    }

    public static bool IsSupported => OperatingSystem.IsLinux();

    /// <summary>Begins to watch a socket. Whoever closes it calls <see cref="Unwatch"/> before.</summary>
    public Readiness Watch(Socket socket)
    {
        socket.Blocking = false;
        var file = (int)socket.Handle;
        var readiness = new Readiness(file);
        lock (_lock)
        {
            if (file >= _watched.Length) Array.Resize(ref _watched, Math.Max(file + 1, _watched.Length * 2));
            _watched[file] = readiness;
            _count++;
        }
        Control(file, Readable | Ended | EdgeTriggered);
        return readiness;
    }

    /// <summary>Forgets a socket that is about to be closed: then the kernel forgets it too.</summary>
    public void Unwatch(Readiness readiness)
    {
        lock (_lock)
        {
            _watched[readiness.File] = null;
            _count--;
            if (_isStopping && _count == 0) _wake.DisposeLocalCopyOfClientHandle();
        }
    }

    /// <summary>The thread ends as soon as no socket is watched.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isStopping = true;
            if (_count == 0) _wake.DisposeLocalCopyOfClientHandle();
        }
    }

    private void Run()
    {
        var size = s_dataAt + sizeof(ulong);
        var events = new byte[MostEvents * size];
        while (true)
        {
            var count = EpollWait(_epoll, events, MostEvents, -1);
            if (count < 0 && Marshal.GetLastPInvokeError() != InterruptedCall) Check(count);
            for (var at = 0; at < count * size; at += size)
            {
                var flags = BinaryPrimitives.ReadUInt32LittleEndian(events.AsSpan(at));
                var file = BinaryPrimitives.ReadInt32LittleEndian(events.AsSpan(at + s_dataAt));
                // A descriptor that was closed and given out again since the event: the other connection looks, and finds nothing.
                var watched = Volatile.Read(ref _watched);
                if (file < watched.Length && watched[file] is { } readiness) readiness.Signal((flags & Ended) != 0);
            }
            if (_isStopping && Volatile.Read(ref _count) == 0) break;
        }
        _ = Close(_epoll);
        _wake.Dispose();
    }

    private void Control(int file, uint flags)
    {
        Span<byte> description = stackalloc byte[16];
        description.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(description, flags);
        BinaryPrimitives.WriteInt32LittleEndian(description[s_dataAt..], file);
        Check(EpollControl(_epoll, Add, file, ref MemoryMarshal.GetReference(description)));
    }

    private static int Check(int result) => result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError());

    [DllImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int EpollCreate(int flags);

    [DllImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int EpollControl(int epoll, int operation, int file, ref byte description);

    [DllImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int EpollWait(int epoll, byte[] events, int most, int milliseconds);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int file);
}
