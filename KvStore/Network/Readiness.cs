using System.Threading.Tasks.Sources;

namespace FeedMall.KvStore.Network;

/// <summary>
/// Whether a socket has something to receive. The loop signals what arrives; one connection waits. A signal that comes while nobody waits is kept, so none is
/// lost: the connection says that it is about to receive before it does.
/// </summary>
internal sealed class Readiness(int file) : IValueTaskSource
{
    private const int Nothing = 0, Ready = 1, Waiting = 2;

    private ManualResetValueTaskSourceCore<bool> _source;
    private int _state;
    private volatile bool _hasEnded;

    public int File => file;

    /// <summary>Something has come.</summary>
    /// <param name="hasEnded">Nothing more will: every receive answers at once from now on.</param>
    public void Signal(bool hasEnded)
    {
        if (hasEnded) _hasEnded = true;
        if (Interlocked.Exchange(ref _state, Ready) == Waiting) _source.SetResult(true);
    }

    /// <summary>Waits until there may be something. The waiting connection goes on, on the loop's thread.</summary>
    public ValueTask WaitAsync()
    {
        if (Volatile.Read(ref _state) == Ready) return ValueTask.CompletedTask;
        _source.Reset();
        return Interlocked.CompareExchange(ref _state, Waiting, Nothing) == Nothing ? new ValueTask(this, _source.Version) : ValueTask.CompletedTask;
    }

    /// <summary>What was signalled until now is about to be received.</summary>
    public void BeginReceive() => Interlocked.Exchange(ref _state, Nothing);

    /// <summary>It was received.</summary>
    /// <param name="isAll">Whether less came than there was room for.</param>
    public void EndReceive(bool isAll)
    {
        if (!isAll || _hasEnded) Volatile.Write(ref _state, Ready);
    }

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
