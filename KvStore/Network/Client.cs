using FeedMall.KvStore.Data;
using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Network;

/// <summary>What a client has told and chosen. Written by its own connection; other threads read it for CLIENT LIST and the idle timeout.</summary>
internal sealed class Client(long id, string address, string localAddress, KvEngine engine)
{
    private long _lastActiveMs = engine.Clock.ElapsedMs;
    private long _sendingSinceMs = long.MaxValue;
    private HashSet<byte[]>? _channels, _patterns;
    private bool _isDropped;

    public long Id => id;

    public string Address => address;

    public string LocalAddress => localAddress;

    public ReplyWriter Reply { get; } = new() { MaxBytes = engine.Settings.Start.MaxReplyBytes };

    public long ConnectedMs { get; } = engine.Clock.ElapsedMs;

    /// <summary>When it last sent something, in ms since the start.</summary>
    public long LastActiveMs
    {
        get => Volatile.Read(ref _lastActiveMs);
        set => Volatile.Write(ref _lastActiveMs, value);
    }

    /// <summary>When the reply that is being sent was begun; <see cref="long.MaxValue"/> when none is.</summary>
    public long SendingSinceMs
    {
        get => Volatile.Read(ref _sendingSinceMs);
        set => Volatile.Write(ref _sendingSinceMs, value);
    }

    public string Name { get; set; } = "";

    public string LibraryName { get; set; } = "";

    public string LibraryVersion { get; set; } = "";

    public int Database { get; set; }

    public string LastCommand { get; set; } = "NULL";

    /// <summary>Whether it must give a password first.</summary>
    public bool IsStranger { get; set; }

    /// <summary>The connection ends once the replies are sent.</summary>
    public bool IsClosing { get; set; }

    /// <summary>Whether its entries shall not be evicted; kept for CLIENT INFO only.</summary>
    public bool NoEvict { get; set; }

    /// <summary>Ends the connection from outside, at once.</summary>
    public Action Abort { get; set; } = () => { };

    /// <summary>Bytes of what it has sent and is not done yet; written by its connection.</summary>
    public long InputBytes { get; set; }

    /// <summary>Bytes of all its buffers. Without the lock it may be a moment old.</summary>
    public long BufferBytes => InputBytes + Reply.Capacity + (Outbox?.Bytes ?? 0) + (Transaction?.Bytes ?? 0) + HeldBytes;

    /// <summary>What it has sent since MULTI; null outside.</summary>
    public Transaction? Transaction { get; set; }

    /// <summary>The keys that it watches.</summary>
    public Watcher Watcher => field ??= new Watcher();

    /// <summary>Bytes of the names that it watches or has subscribed to.</summary>
    public long HeldBytes { get; set; }

    /// <summary>How many channels and patterns it listens to.</summary>
    public int Subscriptions => (_channels?.Count ?? 0) + (_patterns?.Count ?? 0);

    /// <summary>Whether only a few commands are allowed, because replies of others could not be told from messages.</summary>
    public bool OnlyListens => Reply.Protocol == 2 && Subscriptions > 0;

    /// <summary>What is to be sent, once it has subscribed.</summary>
    public Outbox? Outbox { get; set; }

    /// <summary>Makes its outbox.</summary>
    public Func<Outbox> OpenOutbox { get; set; } = () => throw new InvalidOperationException("there is no connection to send to");

    /// <summary>The channels or the patterns that it listens to.</summary>
    public HashSet<byte[]> Names(bool isPattern) => isPattern ? _patterns ??= new(BytesComparer.Instance) : _channels ??= new(BytesComparer.Instance);

    /// <summary>Whether it is dropped by this call.</summary>
    public bool TryDrop()
    {
        var isFirst = !_isDropped;
        _isDropped = true;
        return isFirst;
    }

    /// <summary>Moves its replies to its outbox, if it has one.</summary>
    public void TakeReplies()
    {
        if (Outbox is null || Reply.Length == 0) return;
        Outbox.Add(Reply.Written.Span);
        Reply.Clear();
    }

    /// <summary>Forgets what others keep for it; under the data lock.</summary>
    public void LetGo()
    {
        Transaction = null;
        if (HeldBytes == 0) return;
        engine.Keyspace.Watches.Remove(Watcher);
        engine.PubSub.RemoveAll(this);
        HeldBytes = 0;
    }
}
