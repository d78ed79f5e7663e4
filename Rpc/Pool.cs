using System.Collections.Concurrent;

namespace FeedMall.Rpc;

/// <summary>
/// What one call after the other uses. Keeps as many as are busy at once, up to a bound. Each processor has a queue of its own, because one for all would go back and
/// forth between them.
/// </summary>
internal sealed class Pool<T>(Func<T> create) where T : IDisposable
{
    private const int MaxKept = 128;

    private readonly ConcurrentQueue<T>[] _kept = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new ConcurrentQueue<T>())];

    private ConcurrentQueue<T> Near => _kept[Thread.GetCurrentProcessorId() % _kept.Length];

    public T Rent() => Near.TryDequeue(out var item) ? item : create();

    public void Return(T item)
    {
        var near = Near;
        if (near.Count < MaxKept) near.Enqueue(item);
        else item.Dispose();
    }
}
