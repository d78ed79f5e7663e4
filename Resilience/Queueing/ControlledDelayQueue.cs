namespace FeedMall.Resilience.Queueing;

/// <summary>What waits in a <see cref="ControlledDelayQueue{T}"/>.</summary>
/// <param name="Item">Of the queue's owner.</param>
/// <param name="EnqueuedAt">Timestamp.</param>
/// <param name="Deadline">Timestamp until which an answer is of use; <see cref="long.MaxValue"/>: always.</param>
public readonly record struct Waiting<T>(T Item, long EnqueuedAt, long Deadline);

/// <summary>
/// A queue of requests that does not let them grow old. A queue that has not been empty for an interval N stands: more comes than is done, so waiting buys nothing.
/// Then items may wait no longer than the short target M, and the newest goes first, because its caller has waited least and is most likely still there.
/// Otherwise the oldest goes first, and bursts may wait as long as N. (Controlled delay with adaptive LIFO, ALGORITHMS §4.4.)
/// </summary>
/// <remarks>
/// Not thread safe: its owner holds a lock, and passes the clock's timestamps. What it gives up is handed to <paramref name="refuse"/> at once. Use it only where
/// requests do not depend on each other's order.
/// </remarks>
/// <param name="refuse">Is given each item that waited in vain, with the reason. Must not call the queue.</param>
/// <param name="clock">Only turns times into timestamps, but for the beginning.</param>
public sealed class ControlledDelayQueue<T>(ControlledDelayOptions options, Action<T, Reason> refuse, TimeProvider clock)
{
    private readonly LinkedList<Waiting<T>> _items = new();
    private ControlledDelayOptions _options = Checked(options);
    // In timestamps, rounded up: exactly M is still in time.
    private long _target = ToTimestamps(options.Target, clock);
    private long _interval = ToTimestamps(options.Interval, clock);
    private long _floor = ToTimestamps(options.DeadlineFloor, clock);
    private long _lastEmpty = clock.GetTimestamp();

    /// <summary>How many wait.</summary>
    public int Count => _items.Count;

    /// <summary>May be set at any time by the owner of the lock. With less capacity than is used, nothing is thrown out.</summary>
    public ControlledDelayOptions Options
    {
        get => _options;
        set
        {
            _options = Checked(value);
            _target = ToTimestamps(value.Target, clock);
            _interval = ToTimestamps(value.Interval, clock);
            _floor = ToTimestamps(value.DeadlineFloor, clock);
        }
    }

    /// <summary>It has not been empty for longer than N.</summary>
    public bool IsOverloaded(long now) => _items.Count > 0 && now - _lastEmpty > _interval;

    /// <summary>
    /// Lets an item wait. When the queue is full, it makes room by refusing the oldest if it is overloaded, because then that is the one with the least hope.
    /// </summary>
    /// <returns>To <see cref="Remove"/> it with; null: the queue is full, and this one was not taken. It is not handed to refuse.</returns>
    public LinkedListNode<Waiting<T>>? TryEnqueue(T item, long deadline, long now)
    {
        if (_items.Count == 0) _lastEmpty = now;
        if (_items.Count >= _options.Capacity)
        {
            if (!IsOverloaded(now)) return null;
            RefuseOldest(Reason.QueueTimeout);
        }
        return _items.AddLast(new Waiting<T>(item, now, deadline));
    }

    /// <summary>Refuses the one that has waited longest, if any, to make room.</summary>
    public void RefuseOldest(Reason reason)
    {
        if (_items.First is not { } oldest) return;
        _items.RemoveFirst();
        refuse(oldest.Value.Item, reason);
    }

    /// <summary>Takes the next item that is worth starting; those before it that are not are refused.</summary>
    /// <param name="leastTime">What the work takes at best, as a timestamp: an item with no more time left is not started.</param>
    public bool TryDequeue(long now, long leastTime, out T item)
    {
        while (_items.Count > 0)
        {
            var overloaded = IsOverloaded(now);
            var next = overloaded ? _items.Last! : _items.First!;
            Take(next, now);
            var reason = Judge(next.Value, now, overloaded ? _target : _interval, Math.Max(leastTime, _floor));
            item = next.Value.Item;
            if (reason == Reason.None) return true;
            refuse(item, reason);
        }
        item = default!;
        return false;
    }

    /// <summary>Refuses what has waited longer than N, or whose time is up. Under LIFO nobody else comes to the oldest. To be called each N/2 or more often.</summary>
    public void Sweep(long now)
    {
        var node = _items.First;
        while (node is not null)
        {
            var next = node.Next;
            var reason = Judge(node.Value, now, _interval, 0);
            if (reason != Reason.None)
            {
                Take(node, now);
                refuse(node.Value.Item, reason);
            }
            node = next;
        }
    }

    /// <summary>Takes out an item whose caller has gone. Takes the same time however many wait. False: it was not waiting any more.</summary>
    public bool Remove(LinkedListNode<Waiting<T>> node, long now)
    {
        if (node.List != _items) return false;
        Take(node, now);
        return true;
    }

    private void Take(LinkedListNode<Waiting<T>> node, long now)
    {
        _items.Remove(node);
        if (_items.Count == 0) _lastEmpty = now;
    }

    private static Reason Judge(in Waiting<T> waiting, long now, long allowed, long leastTime) =>
        now >= waiting.Deadline ? Reason.DeadlineExceeded
        : now - waiting.EnqueuedAt > allowed ? Reason.QueueTimeout
        : waiting.Deadline - now <= leastTime ? Reason.DeadlineInsufficient
        : Reason.None;

    private static long ToTimestamps(TimeSpan time, TimeProvider clock) => (long)Math.Ceiling(time.TotalSeconds * clock.TimestampFrequency);

    private static ControlledDelayOptions Checked(ControlledDelayOptions options)
    {
        options.Check();
        return options;
    }
}
