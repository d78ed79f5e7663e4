using FeedMall.KvStore.Commands;
using FeedMall.KvStore.Data;
using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Network;

/// <summary>Who listens to which channels, by name or by pattern. Guarded by the data lock, so all clients see messages in one order.</summary>
internal sealed class PubSub
{
    private readonly Dictionary<byte[], HashSet<Client>> _channels = new(BytesComparer.Instance);
    private readonly Dictionary<byte[], HashSet<Client>> _patterns = new(BytesComparer.Instance);
    private readonly HashSet<Outbox> _filled = [];

    public IReadOnlyDictionary<byte[], HashSet<Client>> Channels => _channels;

    /// <summary>Different patterns.</summary>
    public int Patterns => _patterns.Count;

    /// <summary>Messages that went to a subscriber.</summary>
    public long Delivered { get; private set; }

    /// <summary>Subscribers that were closed because too much waited for them.</summary>
    public long Dropped { get; private set; }

    /// <summary>Begins to listen.</summary>
    /// <returns>Whether this is new.</returns>
    public bool Add(Client client, byte[] name, bool isPattern)
    {
        if (!client.Names(isPattern).Add(name)) return false;
        var all = isPattern ? _patterns : _channels;
        if (!all.TryGetValue(name, out var listeners)) all[name] = listeners = [];
        return listeners.Add(client);
    }

    /// <summary>Stops listening.</summary>
    /// <returns>Whether it did listen.</returns>
    public bool Remove(Client client, byte[] name, bool isPattern)
    {
        if (!client.Names(isPattern).Remove(name)) return false;
        var all = isPattern ? _patterns : _channels;
        var listeners = all[name];
        listeners.Remove(client);
        if (listeners.Count == 0) all.Remove(name);
        return true;
    }

    /// <summary>A client has left, or begins anew.</summary>
    public void RemoveAll(Client client)
    {
        foreach (var name in client.Names(isPattern: false).ToArray()) Remove(client, name, isPattern: false);
        foreach (var name in client.Names(isPattern: true).ToArray()) Remove(client, name, isPattern: true);
    }

    /// <summary>Hands a message to all who listen.</summary>
    /// <param name="publisher">Gets its own messages in its replies.</param>
    /// <returns>How many times it was handed over.</returns>
    public int Publish(ReadOnlySpan<byte> channel, ReadOnlySpan<byte> message, Client publisher)
    {
        var receivers = 0;
        if (_channels.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(channel, out var listeners))
            receivers += Deliver(listeners, null, channel, message, publisher);
        foreach (var (pattern, those) in _patterns)
            if (Glob.Matches(pattern, channel)) receivers += Deliver(those, pattern, channel, message, publisher);
        Delivered += receivers;
        return receivers;
    }

    /// <summary>The outboxes that were filled since the last call, for whoever was publishing to send once it has given the lock back.</summary>
    public Outbox[] TakeFilled()
    {
        if (_filled.Count == 0) return [];
        Outbox[] filled = [.. _filled];
        _filled.Clear();
        return filled;
    }

    private int Deliver(HashSet<Client> listeners, byte[]? pattern, ReadOnlySpan<byte> channel, ReadOnlySpan<byte> message, Client publisher)
    {
        using ReplyWriter two = new(), three = new() { Protocol = 3 };
        foreach (var listener in listeners)
        {
            if (listener == publisher)
            {
                Write(listener.Reply, pattern, channel, message);
                continue;
            }
            // The same bytes for all who speak the same protocol.
            var text = listener.Reply.Protocol == 3 ? three : two;
            if (text.Length == 0) Write(text, pattern, channel, message);
            if (listener.Outbox!.Add(text.Written.Span)) _filled.Add(listener.Outbox);
            else if (listener.TryDrop()) Dropped++;
        }
        return listeners.Count;
    }

    private static void Write(ReplyWriter to, byte[]? pattern, ReadOnlySpan<byte> channel, ReadOnlySpan<byte> message)
    {
        to.Push(pattern is null ? 3 : 4);
        to.Bulk(pattern is null ? "message"u8 : "pmessage"u8);
        if (pattern is not null) to.Bulk(pattern);
        to.Bulk(channel);
        to.Bulk(message);
    }
}
