namespace FeedMall.KvStore.Network;

/// <summary>What went over the wire since the start. Written under the data lock, once for each batch, except where it says otherwise.</summary>
internal sealed class Traffic
{
    private long _accepted, _refused, _dropped;

    public long Commands { get; set; }

    public long BytesIn { get; set; }

    public long BytesOut { get; set; }

    /// <summary>Times that a batch had to wait for the data lock, and how long together in microseconds.</summary>
    public long LockWaits { get; set; }

    /// <summary>How long they waited together, in microseconds.</summary>
    public double LockWaitMicroseconds { get; set; }

    /// <summary>Replies that were errors.</summary>
    public long ErrorReplies { get; set; }

    /// <summary>Connections that were accepted; without the lock.</summary>
    public long Accepted => Volatile.Read(ref _accepted);

    /// <summary>Connections over the limit; without the lock.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Connections that were ended because all clients' buffers together were too large; without the lock.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    public void CountDropped() => Interlocked.Increment(ref _dropped);

    public void CountAccepted() => Interlocked.Increment(ref _accepted);

    public void CountRefused() => Interlocked.Increment(ref _refused);

    public void Reset() => (Commands, BytesIn, BytesOut, LockWaits, LockWaitMicroseconds, ErrorReplies, _accepted, _refused, _dropped) = (0, 0, 0, 0, 0, 0, 0, 0, 0);
}
