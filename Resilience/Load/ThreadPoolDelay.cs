namespace FeedMall.Resilience.Load;

/// <summary>
/// How long work waits in the thread pool before it starts, which shows what the processor does not: all threads are taken, perhaps because they block. At each tick
/// one piece of work is queued; while that has not begun, its age counts and no other is queued. (ALGORITHMS §3.7.)
/// </summary>
public sealed class ThreadPoolDelay : SampledLoad, IThreadPoolWorkItem
{
    private const long Begun = long.MinValue;

    private readonly LoadOptions _options;
    private readonly Action<IThreadPoolWorkItem> _queue;
    // When the work that has not begun yet was queued.
    private long _queuedAt = Begun;
    // Of the last one that has begun, in ticks of TimeSpan; −1: was counted before.
    private long _waited = -1;

    /// <summary>Checks the options.</summary>
    public ThreadPoolDelay(LoadOptions options, TimeProvider clock)
        : this(options, static work => ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: false), clock) { }

    internal ThreadPoolDelay(LoadOptions options, Action<IThreadPoolWorkItem> queue, TimeProvider clock) : base(options.Tick, options.QueueDelayDecay, clock)
    {
        options.Check();
        _options = options;
        _queue = queue;
        Start();
    }

    void IThreadPoolWorkItem.Execute()
    {
        Interlocked.Exchange(ref _waited, Clock.GetElapsedTime(Volatile.Read(ref _queuedAt)).Ticks);
        Volatile.Write(ref _queuedAt, Begun);
    }

    private protected override double? Measure(long now)
    {
        var queuedAt = Volatile.Read(ref _queuedAt);
        if (queuedAt != Begun) return PermilleOf(Clock.GetElapsedTime(queuedAt, now).Ticks);
        var waited = Interlocked.Exchange(ref _waited, -1);
        Volatile.Write(ref _queuedAt, now);
        _queue(this);
        return waited < 0 ? null : PermilleOf(waited);
    }

    private double PermilleOf(long ticks) => 1000.0 * ticks / _options.QueueDelayTarget.Ticks;
}
