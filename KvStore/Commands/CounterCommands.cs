using System.Buffers.Text;
using System.Text;
using FeedMall.KvStore.Data;
using FeedMall.KvStore.Protocol;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>Strings that spell numbers.</summary>
internal static class CounterCommands
{
    public static IEnumerable<Command> Rows =>
    [
        new("incr", 2, Write | DenyOom | Fast, c => Add(c, 1), 1, 1, 1),
        new("decr", 2, Write | DenyOom | Fast, c => Add(c, -1), 1, 1, 1),
        new("incrby", 3, Write | DenyOom | Fast, IncrBy, 1, 1, 1),
        new("decrby", 3, Write | DenyOom | Fast, DecrBy, 1, 1, 1),
        new("incrbyfloat", 3, Write | DenyOom | Fast, IncrByFloat, 1, 1, 1),
    ];

    private static void IncrBy(CommandContext c)
    {
        if (c.TryInteger(2, out var step)) Add(c, step);
    }

    private static void DecrBy(CommandContext c)
    {
        if (!c.TryInteger(2, out var step)) return;
        if (step == long.MinValue) c.Reply.Error("ERR decrement would overflow"u8);
        else Add(c, -step);
    }

    private static void Add(CommandContext c, long step)
    {
        if (!c.TryRead(1, out var old, out var found, isRead: false)) return;
        var value = 0L;
        if (found && !Numbers.TryParseInteger(old, out value))
        {
            c.Reply.Error(Errors.NotAnInteger);
            return;
        }
        if (step > 0 ? value > long.MaxValue - step : value < long.MinValue - step)
        {
            c.Reply.Error(Errors.Overflow);
            return;
        }
        value += step;
        Span<byte> text = stackalloc byte[Numbers.MaxIntegerBytes];
        Utf8Formatter.TryFormat(value, text, out var length);
        Put(c, text[..length]);
        c.Reply.Integer(value);
    }

    // Doubles with their shortest spelling, where Redis computes with 80 bits and prints 17 digits: 3000 + 0.1 is 3000.1 here.
    private static void IncrByFloat(CommandContext c)
    {
        if (!c.TryRead(1, out var old, out var found, isRead: false)) return;
        var value = 0.0;
        if ((found && !Numbers.TryParseDouble(old, out value)) || !Numbers.TryParseDouble(c[2], out var step))
        {
            c.Reply.Error(Errors.NotAFloat);
            return;
        }
        value += step;
        if (!double.IsFinite(value))
        {
            c.Reply.Error("ERR increment would produce NaN or Infinity"u8);
            return;
        }
        var text = Encoding.ASCII.GetBytes(Numbers.Format(value));
        Put(c, text);
        c.Reply.Bulk(text);
    }

    // The expiry stays.
    private static void Put(CommandContext c, ReadOnlySpan<byte> text)
    {
        var block = c.Database.Find(c[1], out var hash, isUse: false);
        var value = block != 0 ? c.Database.Resize(c[1], hash, block, text.Length)
            : c.Database.Put(c[1], hash, 0, EntryKind.String, text.Length, Database.Never);
        text.CopyTo(value);
    }
}
