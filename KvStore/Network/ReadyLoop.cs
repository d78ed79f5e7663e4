using System.Buffers.Binary;
using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FeedMall.KvStore.Network;

/// <summary>
/// One thread that waits until clients have sent something and then goes on with their connections itself, one after the other. The runtime's sockets try to
/// receive before they wait, which costs a second system call for each request, and hand over to other threads, which then meet at the data lock. Only
/// on Linux; elsewhere, and with TLS, the runtime's way is used.
/// It goes in rounds: first whoever has sent something is received from, each once, then all replies are sent. A client that is woken by its reply finds
/// others' replies there too. Whoever has sent more than fits into a batch goes on behind them, a batch each time, a few clients each round: what a small
/// command waits for does not grow with what others have sent.
/// </summary>
internal sealed class ReadyLoop : IDisposable
{
    // Of one round. With more, all clients would wait until the last reply is written; with few, they read while others are served.
    private const int MostEvents = 12;
    private const int MostBehind = 4; // more, and small commands wait; fewer, and a client sleeps again between two replies
    private const int MostLooks = 40; // some 10 µs
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int Add = 1;
    private const uint Readable = 0x1;
    private const uint Ended = 0x8 | 0x10 | 0x2000; // error, both sides closed, the client's side closed
    private const uint EdgeTriggered = 1u << 31;
    private const int InterruptedCall = 4;

    // The kernel packs its structure on x64 only: 4 bytes of flags, then 8 of which the lower 4 are the file descriptor.
    private static readonly int s_dataAt = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    private readonly int _epoll = Check(EpollCreate(CloseOnExec));
    // A counter that is only ever added to: each addition is an event.
    private readonly int _wake = Check(EventCreate(0, CloseOnExec | NonBlocking));
    private readonly Thread _thread;
    private readonly Lock _lock = new(); // guards the place of the array, its growth, the count, those who wait and whether it is over
    private List<Action> _waiting = [];
    private readonly Queue<Action> _behind = [];
    private int _looks; // how often it looks before it sleeps
    private Readiness?[] _watched = new Readiness?[64]; // by file descriptor
    private int _count;
    private volatile bool _isStopping;
    private bool _isOver;

    public ReadyLoop()
    {
        Control(_wake, Readable | EdgeTriggered);
        _thread = new Thread(Run) { IsBackground = true, Name = "kv connections" };
        _thread.Start();
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
            if (_isStopping && _count == 0) Wake();
        }
    }

    /// <summary>Whoever awaits it goes on on the loop's thread, at the end of the round.</summary>
    public Turn NextTurn() => new(this, isBehind: false);

    /// <summary>Whoever awaits it goes on on the loop's thread, behind a round: a few of those who wait for this each time.</summary>
    public Turn TurnBehind() => new(this, isBehind: true);

    /// <summary>The thread ends as soon as no socket is watched.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isStopping = true;
            if (_count == 0) Wake();
        }
    }

    private void Run()
    {
        var size = s_dataAt + sizeof(ulong);
        var (events, turns) = (new byte[MostEvents * size], new List<Action>());
        while (!_isStopping || Volatile.Read(ref _count) > 0)
        {
            var count = Wait(events);
            if (count < 0 && Marshal.GetLastPInvokeError() != InterruptedCall) Check(count);
            for (var at = 0; at < count * size; at += size)
            {
                var flags = BinaryPrimitives.ReadUInt32LittleEndian(events.AsSpan(at));
                var file = BinaryPrimitives.ReadInt32LittleEndian(events.AsSpan(at + s_dataAt));
                // A descriptor that was closed and given out again since the event: the other connection looks, and finds nothing.
                var watched = Volatile.Read(ref _watched);
                if (file < watched.Length && watched[file] is { } readiness) readiness.Signal((flags & Ended) != 0);
            }
            lock (_lock)
            {
                (_waiting, turns) = (turns, _waiting);
                for (var more = MostBehind; more > 0 && _behind.TryDequeue(out var behind); more--) turns.Add(behind);
            }
            foreach (var goOn in turns) goOn();
            turns.Clear();
        }
        lock (_lock)
        {
            _isOver = true;
            _waiting.AddRange(_behind);
        }
        foreach (var goOn in _waiting) goOn();
        _ = Close(_epoll);
        _ = Close(_wake);
    }

    // To wake this thread costs whoever sends the next command more than a few looks cost here. So it looks before it sleeps, less and less often while that finds nothing.
    private int Wait(byte[] events)
    {
        // Somebody from another thread who comes after this wakes it.
        if (IsAnyoneWaiting) return EpollWait(_epoll, events, MostEvents, 0);
        for (var look = 0; look < _looks; look++)
        {
            var found = EpollWait(_epoll, events, MostEvents, 0);
            if (found == 0) continue;
            _looks = MostLooks;
            return found;
        }
        _looks /= 2;
        var count = EpollWait(_epoll, events, MostEvents, -1);
        if (count > 1 && Environment.ProcessorCount > 1) _looks = MostLooks;
        return count;
    }

    private bool IsAnyoneWaiting
    {
        get { lock (_lock) return _waiting.Count + _behind.Count > 0; }
    }

    private void Await(Action goOn, bool isBehind)
    {
        lock (_lock)
        {
            if (_isOver)
            {
                // There are no clients any more for whom it would be a turn.
                ThreadPool.QueueUserWorkItem(static goOn => goOn(), goOn, preferLocal: false);
                return;
            }
            if (isBehind) _behind.Enqueue(goOn);
            else _waiting.Add(goOn);
            if (_waiting.Count + _behind.Count == 1 && Environment.CurrentManagedThreadId != _thread.ManagedThreadId) Wake();
        }
    }

    // Under the lock: then the descriptor is not closed yet.
    private void Wake()
    {
        var one = 1UL;
        _ = Write(_wake, ref one, sizeof(ulong));
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

    [DllImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int EventCreate(uint count, int flags);

    [DllImport("libc", EntryPoint = "write")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Write(int file, ref ulong number, nint bytes);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int file);

    /// <summary>A place in the round: awaited, never done at once.</summary>
    public readonly struct Turn(ReadyLoop loop, bool isBehind) : ICriticalNotifyCompletion
    {
        public bool IsCompleted => false;

        public Turn GetAwaiter() => this;

        public void GetResult()
        {
        }

        public void OnCompleted(Action continuation) => loop.Await(continuation, isBehind);

        public void UnsafeOnCompleted(Action continuation) => loop.Await(continuation, isBehind);
    }
}
