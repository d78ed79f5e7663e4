using System.Buffers.Text;
using FeedMall.KvStore.Commands;
using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Persistence;

/// <summary>Writes what a command has done as a command that does the same whenever it is run.</summary>
/// <param name="c">The command, which has just run and changed something.</param>
/// <param name="reply">What it replied.</param>
/// <param name="log">Where the effect goes.</param>
internal delegate void CommandEffect(CommandContext c, ReadOnlySpan<byte> reply, ReplyWriter log);

/// <summary>The commands whose effect is not their own text: those with times that count from now, with chance, or with rounding.</summary>
internal static class Effects
{
    /// <summary>The effect of a command; null: its own text.</summary>
    public static CommandEffect? Of(string command) => command switch
    {
        "set" or "setnx" or "setex" or "psetex" or "getset" => State,
        "getdel" => Gone,
        "getex" or "expire" or "pexpire" or "expireat" or "pexpireat" => Time,
        "incrbyfloat" => Float,
        "hincrbyfloat" => HashFloat,
        "spop" => Popped,
        "zincrby" => (c, reply, log) => Score(c, 3, reply, log),
        "zadd" => ZAdd,
        _ => null,
    };

    /// <summary>The command as it was sent.</summary>
    public static void Verbatim(CommandContext c, ReplyWriter log)
    {
        log.Array(c.Count);
        for (var i = 0; i < c.Count; i++) log.Bulk(c[i]);
    }

    /// <summary>A key that went.</summary>
    public static void Delete(ReadOnlySpan<byte> key, ReplyWriter log)
    {
        log.Array(2);
        log.Bulk("DEL"u8);
        log.Bulk(key);
    }

    private static void State(CommandContext c, ReadOnlySpan<byte> reply, ReplyWriter log)
    {
        var block = c.Database.Find(c[1], out _, isUse: false);
        if (block == 0) Delete(c[1], log);
        else Dump.String(c.Database.Open(block), log);
    }

    private static void Gone(CommandContext c, ReadOnlySpan<byte> reply, ReplyWriter log) => Delete(c[1], log);

    private static void Time(CommandContext c, ReadOnlySpan<byte> reply, ReplyWriter log)
    {
        var block = c.Database.Find(c[1], out _, isUse: false);
        if (block == 0) Delete(c[1], log);
        else if (c.Database.Open(block) is { HasExpiry: true } entry) Dump.Expiry(entry, log);
        else
        {
            log.Array(2);
            log.Bulk("PERSIST"u8);
            log.Bulk(c[1]);
        }
    }

    private static void Float(CommandContext c, ReadOnlySpan<byte> reply, ReplyWriter log)
    {
        log.Array(4);
        log.Bulk("SET"u8);
        log.Bulk(c[1]);
        log.Bulk(Content(ref reply));
        log.Bulk("KEEPTTL"u8);
    }

    private static void HashFloat(CommandContext c, ReadOnlySpan<byte> reply, ReplyWriter log)
    {
        log.Array(4);
        log.Bulk("HSET"u8);
        log.Bulk(c[1]);
        log.Bulk(c[2]);
        log.Bulk(Content(ref reply));
    }

    // The reply names the members: one, or a list.
    private static void Popped(CommandContext c, ReadOnlySpan<byte> reply, ReplyWriter log)
    {
        var count = 1;
        if (reply[0] != '$' && Utf8Parser.TryParse(reply[1..], out count, out var digits)) reply = reply[(digits + 3)..];
        log.Array(count + 2);
        log.Bulk("SREM"u8);
        log.Bulk(c[1]);
        for (; count > 0; count--) log.Bulk(Content(ref reply));
    }

    private static void ZAdd(CommandContext c, ReadOnlySpan<byte> reply, ReplyWriter log)
    {
        for (var i = 2; i < c.Count - 2; i++)
        {
            if (!c.Is(i, "incr")) continue;
            Score(c, c.Count - 1, reply, log);
            return;
        }
        Verbatim(c, log);
    }

    private static void Score(CommandContext c, int member, ReadOnlySpan<byte> reply, ReplyWriter log)
    {
        log.Array(4);
        log.Bulk("ZADD"u8);
        log.Bulk(c[1]);
        log.Bulk(Content(ref reply));
        log.Bulk(c[member]);
    }

    // The next string of a reply, or its next number, which RESP3 writes as a line.
    private static ReadOnlySpan<byte> Content(ref ReadOnlySpan<byte> reply)
    {
        var line = reply[1..reply.IndexOf((byte)'\r')];
        var start = line.Length + 3;
        if (reply[0] != '$')
        {
            reply = reply[start..];
            return line;
        }
        _ = Utf8Parser.TryParse(line, out int length, out _);
        var content = reply.Slice(start, length);
        reply = reply[(start + length + 2)..];
        return content;
    }
}
