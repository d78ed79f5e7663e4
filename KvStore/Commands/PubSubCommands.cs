using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>Messages to whoever listens. Nothing is kept for those who do not.</summary>
internal static class PubSubCommands
{
    public static IEnumerable<Command> Rows =>
    [
        new("subscribe", -2, Subscriber, c => Subscribe(c, isPattern: false)),
        new("psubscribe", -2, Subscriber, c => Subscribe(c, isPattern: true)),
        new("unsubscribe", -1, Subscriber, c => Unsubscribe(c, isPattern: false)),
        new("punsubscribe", -1, Subscriber, c => Unsubscribe(c, isPattern: true)),
        new("publish", 3, None, c => c.Reply.Integer(c.Engine.PubSub.Publish(c[1], c[2], c.Client))),
        new("pubsub", -2, None, PubSubOf),
    ];

    private static void Subscribe(CommandContext c, bool isPattern)
    {
        for (var i = 1; i < c.Count; i++)
        {
            if (!c.MayHold(c[i].Length))
            {
                c.Reply.Error(Errors.HoldsTooMuch);
                return;
            }
            c.Client.Outbox ??= c.Client.OpenOutbox();
            if (c.Engine.PubSub.Add(c.Client, c[i].ToArray(), isPattern)) c.Hold(c[i].Length);
            Confirm(c, isPattern ? "psubscribe"u8 : "subscribe"u8, c[i], isKnown: true);
        }
    }

    private static void Unsubscribe(CommandContext c, bool isPattern)
    {
        var name = isPattern ? "punsubscribe"u8 : "unsubscribe"u8;
        byte[][] left = c.Count > 1 ? [.. Enumerable.Range(1, c.Count - 1).Select(i => c[i].ToArray())] : [.. c.Client.Names(isPattern)];
        foreach (var channel in left)
        {
            if (c.Engine.PubSub.Remove(c.Client, channel, isPattern)) c.Hold(-channel.Length);
            Confirm(c, name, channel, isKnown: true);
        }
        if (left.Length == 0) Confirm(c, name, default, isKnown: false);
    }

    private static void Confirm(CommandContext c, ReadOnlySpan<byte> what, ReadOnlySpan<byte> name, bool isKnown)
    {
        c.Reply.Push(3);
        c.Reply.Bulk(what);
        if (isKnown) c.Reply.Bulk(name);
        else c.Reply.Nil();
        c.Reply.Integer(c.Client.Subscriptions);
    }

    private static void PubSubOf(CommandContext c)
    {
        if (c.Is(1, "channels") && c.Count <= 3) Channels(c);
        else if (c.Is(1, "channels")) c.Reply.Error($"ERR unknown subcommand or wrong number of arguments for '{c.Beginning(1, 128)}'. Try PUBSUB HELP.");
        else if (c.Is(1, "numsub")) Numbers(c);
        else if (c.Is(1, "numpat") && c.Count == 2) c.Reply.Integer(c.Engine.PubSub.Patterns);
        else if (c.Is(1, "numpat")) c.WrongArity("pubsub|numpat");
        else c.UnknownSubcommand();
    }

    private static void Channels(CommandContext c)
    {
        var found = new List<byte[]>();
        foreach (var channel in c.Engine.PubSub.Channels.Keys)
            if (c.Count == 2 || Glob.Matches(c[2], channel)) found.Add(channel);
        c.Reply.Array(found.Count);
        foreach (var channel in found) c.Reply.Bulk(channel);
    }

    private static void Numbers(CommandContext c)
    {
        c.Reply.Array((c.Count - 2) * 2);
        for (var i = 2; i < c.Count; i++)
        {
            c.Reply.Bulk(c[i]);
            c.Reply.Integer(c.Engine.PubSub.Channels.GetValueOrDefault(c[i].ToArray())?.Count ?? 0);
        }
    }
}
