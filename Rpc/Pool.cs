using System.Collections.Concurrent;

namespace FeedMall.Rpc;

/// <summary>What one call after the other uses. Keeps as many as are busy at once, up to a bound; what is over it is left to the garbage collector.</summary>
internal sealed class Pool<T>(Func<T> create)
{
    private const int MaxKept = 256;

    private readonly ConcurrentQueue<T> _kept = new();

    public T Rent() => _kept.TryDequeue(out var item) ? item : create();

    public void Return(T item)
    {
        if (_kept.Count < MaxKept) _kept.Enqueue(item);
    }
}
