using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Network;

/// <summary>What a client has told and chosen. Written by its own connection; other threads read it for CLIENT LIST and the idle timeout.</summary>
internal sealed class Client(long id, string address, string localAddress, KvEngine engine)
{
    private long _lastActiveMs = engine.Clock.ElapsedMs;
    private long _sendingSinceMs = long.MaxValue;

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

    /// <summary>Bytes of its buffers.</summary>
    public long BufferBytes { get; set; }
}
