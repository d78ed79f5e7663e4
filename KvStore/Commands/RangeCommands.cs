using FeedMall.KvStore.Data;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>Parts of strings.</summary>
internal static class RangeCommands
{
    public static IEnumerable<Command> Rows =>
    [
        new("append", 3, Write | DenyOom | Fast, Append, 1, 1, 1),
        new("strlen", 2, ReadOnly | Fast, StrLen, 1, 1, 1),
        new("getrange", 4, ReadOnly, GetRange, 1, 1, 1),
        new("substr", 4, ReadOnly, GetRange, 1, 1, 1),
        new("setrange", 4, Write | DenyOom, SetRange, 1, 1, 1),
    ];

    private static void Append(CommandContext c)
    {
        if (!c.TryRead(1, out var old, out var found, isRead: false)) return;
        if (!IsAllowed(c, (long)old.Length + c[2].Length)) return;
        var before = old.Length;
        var block = c.Database.Find(c[1], out var hash, isUse: false);
        if (!found) c.Database.Set(c[1], c[2]);
        else if (c[2].Length > 0) c[2].CopyTo(c.Database.Resize(c[1], hash, block, before + c[2].Length)[before..]);
        c.Reply.Integer(before + c[2].Length);
    }

    private static void StrLen(CommandContext c)
    {
        if (c.TryRead(1, out var value, out _)) c.Reply.Integer(value.Length);
    }

    private static void GetRange(CommandContext c)
    {
        if (!c.TryInteger(2, out var first) || !c.TryInteger(3, out var last) || !c.TryRead(1, out var value, out _)) return;
        if (first < 0 && last < 0 && first > last)
        {
            c.Reply.Bulk([]);
            return;
        }
        if (first < 0) first = Math.Max(value.Length + first, 0);
        if (last < 0) last = Math.Max(value.Length + last, 0);
        last = Math.Min(last, value.Length - 1);
        if (first > last || value.Length == 0) c.Reply.Bulk([]);
        else c.Reply.Bulk(value.Slice((int)first, (int)(last - first + 1)));
    }

    private static void SetRange(CommandContext c)
    {
        if (!c.TryInteger(2, out var offset)) return;
        if (offset < 0)
        {
            c.Reply.Error("ERR offset is out of range"u8);
            return;
        }
        if (!c.TryRead(1, out var old, out var found, isRead: false)) return;
        var before = old.Length;
        if (c[3].Length == 0)
        {
            c.Reply.Integer(before);
            return;
        }
        if (!IsAllowed(c, Math.Min(offset, int.MaxValue) + c[3].Length)) return;
        var length = Math.Max(before, (int)offset + c[3].Length);
        var block = c.Database.Find(c[1], out var hash, isUse: false);
        var value = found ? c.Database.Resize(c[1], hash, block, length)
            : c.Database.Put(c[1], hash, 0, EntryKind.String, length, Database.Never);
        if (offset > before) value[before..(int)offset].Clear();
        c[3].CopyTo(value[(int)offset..]);
        c.Reply.Integer(length);
    }

    private static bool IsAllowed(CommandContext c, long length)
    {
        if (length <= c.Engine.Settings.Limits.MaxBulkBytes) return true;
        c.Reply.Error(Errors.TooLong);
        return false;
    }
}
