using FeedMall.KvStore.Data;
using FeedMall.KvStore.Protocol;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>Elements in a row.</summary>
internal static class ListCommands
{
    public static IEnumerable<Command> Rows =>
    [
        new("lpush", -3, Write | DenyOom, c => Push(c, atFront: true, create: true), 1, 1, 1),
        new("rpush", -3, Write | DenyOom, c => Push(c, atFront: false, create: true), 1, 1, 1),
        new("lpushx", -3, Write | DenyOom, c => Push(c, atFront: true, create: false), 1, 1, 1),
        new("rpushx", -3, Write | DenyOom, c => Push(c, atFront: false, create: false), 1, 1, 1),
        new("lpop", -2, Write, c => Pop(c, atFront: true), 1, 1, 1),
        new("rpop", -2, Write, c => Pop(c, atFront: false), 1, 1, 1),
        new("lrange", 4, ReadOnly, Range, 1, 1, 1),
        new("llen", 2, ReadOnly | Fast, Length, 1, 1, 1),
        new("ltrim", 4, Write, Trim, 1, 1, 1),
        new("lindex", 3, ReadOnly | Fast, Index, 1, 1, 1),
        new("lset", 4, Write | DenyOom | Fast, Set, 1, 1, 1),
        new("lrem", 4, Write, Remove, 1, 1, 1),
        new("linsert", 5, Write | DenyOom, Insert, 1, 1, 1),
        new("lmove", 5, Write | DenyOom, Move, 1, 2, 1),
        new("rpoplpush", 3, Write | DenyOom, c => Move(c, fromFront: false, toFront: true), 1, 2, 1),
    ];

    private static void Push(CommandContext c, bool atFront, bool create)
    {
        KvList? list;
        if (create ? !c.TryFindOrCreate(1, static keyspace => new KvList(keyspace), out list) : !c.TryFind(1, out list)) return;
        for (var i = 2; i < c.Count && list is not null; i++) list.Add(c[i], atFront);
        if (list is not null) c.Changed(1, list);
        c.Reply.Integer(list?.Count ?? 0);
    }

    private static void Pop(CommandContext c, bool atFront)
    {
        if (c.Count > 3)
        {
            c.WrongArity(c.Command.Name);
            return;
        }
        var count = 1L;
        if (c.Count == 3 && (!Numbers.TryParseInteger(c[2], out count) || count < 0))
        {
            c.Reply.Error(Errors.NotPositive);
            return;
        }
        if (!c.TryFind<KvList>(1, out var list)) return;
        if (list is null)
        {
            if (c.Count == 3) c.Reply.NilArray();
            else c.Reply.Nil();
            return;
        }
        var popped = (int)Math.Min(count, list.Count);
        if (c.Count == 3) c.Reply.Array(popped);
        for (var i = 0; i < popped; i++) c.Reply.Bulk(list[atFront ? i : list.Count - 1 - i]);
        if (popped == 0) return;
        list.Drop(popped, atFront);
        c.Changed(1, list);
    }

    private static void Range(CommandContext c)
    {
        if (!c.TryInteger(2, out var first) || !c.TryInteger(3, out var last) || !c.TryFind<KvList>(1, out var list, isRead: true)) return;
        var (from, count) = Span(first, last, list?.Count ?? 0);
        c.Reply.Array(count);
        for (var i = 0; i < count; i++) c.Reply.Bulk(list![from + i]);
    }

    /// <summary>What two ends mean among so many: below zero they are counted from the back.</summary>
    public static (int From, int Count) Span(long first, long last, int count)
    {
        if (first < 0) first = Math.Max(first + count, 0);
        if (last < 0) last += count;
        last = Math.Min(last, count - 1);
        return first > last ? (0, 0) : ((int)first, (int)(last - first + 1));
    }

    private static void Length(CommandContext c)
    {
        if (c.TryFind<KvList>(1, out var list, isRead: true)) c.Reply.Integer(list?.Count ?? 0);
    }

    private static void Trim(CommandContext c)
    {
        if (!c.TryInteger(2, out var first) || !c.TryInteger(3, out var last) || !c.TryFind<KvList>(1, out var list)) return;
        c.Reply.Ok();
        if (list is null) return;
        var (from, count) = Span(first, last, list.Count);
        if (count == 0)
        {
            // The whole list: its memory is given back in the background.
            c.Database.Remove(c[1]);
            return;
        }
        list.Drop(list.Count - from - count, atFront: false);
        list.Drop(from, atFront: true);
        c.Changed(1, list);
    }

    private static void Index(CommandContext c)
    {
        if (!c.TryFind<KvList>(1, out var list, isRead: true)) return;
        if (list is null)
        {
            c.Reply.Nil();
            return;
        }
        if (!c.TryInteger(2, out var at)) return;
        if (at < 0) at += list.Count;
        if (at < 0 || at >= list.Count) c.Reply.Nil();
        else c.Reply.Bulk(list[(int)at]);
    }

    private static void Set(CommandContext c)
    {
        if (!c.TryFind<KvList>(1, out var list)) return;
        if (list is null)
        {
            c.Reply.Error(Errors.NoSuchKey);
            return;
        }
        if (!c.TryInteger(2, out var at)) return;
        if (at < 0) at += list.Count;
        if (at < 0 || at >= list.Count)
        {
            c.Reply.Error("ERR index out of range"u8);
            return;
        }
        list.Replace((int)at, c[3]);
        c.Changed(1, list);
        c.Reply.Ok();
    }

    private static void Remove(CommandContext c)
    {
        if (!c.TryInteger(2, out var count) || !c.TryFind<KvList>(1, out var list)) return;
        var most = count == 0 ? 0 : (int)Math.Min(Math.Abs(Math.Max(count, -int.MaxValue)), int.MaxValue);
        var removed = list?.Remove(c[3], most, fromBack: count < 0) ?? 0;
        if (removed > 0) c.Changed(1, list!);
        c.Reply.Integer(removed);
    }

    private static void Insert(CommandContext c)
    {
        if (!c.Is(2, "before") && !c.Is(2, "after"))
        {
            c.Reply.Error(Errors.Syntax);
            return;
        }
        if (!c.TryFind<KvList>(1, out var list)) return;
        var at = 0;
        while (list is not null && at < list.Count && !list[at].SequenceEqual(c[3])) at++;
        if (list is null || at == list.Count)
        {
            c.Reply.Integer(list is null ? 0 : -1);
            return;
        }
        list.Insert(c.Is(2, "after") ? at + 1 : at, c[4]);
        c.Changed(1, list);
        c.Reply.Integer(list.Count);
    }

    private static void Move(CommandContext c)
    {
        var isRight = (c.Is(3, "left") || c.Is(3, "right")) && (c.Is(4, "left") || c.Is(4, "right"));
        if (isRight) Move(c, fromFront: c.Is(3, "left"), toFront: c.Is(4, "left"));
        else c.Reply.Error(Errors.Syntax);
    }

    private static void Move(CommandContext c, bool fromFront, bool toFront)
    {
        if (!c.TryFind<KvList>(1, out var from)) return;
        if (from is null)
        {
            c.Reply.Nil();
            return;
        }
        if (!c.TryFindOrCreate(2, static keyspace => new KvList(keyspace), out var to)) return;
        var element = from[fromFront ? 0 : from.Count - 1];
        c.Reply.Bulk(element);
        // In one list from an end to the same end nothing moves.
        if (from != to || fromFront != toFront)
        {
            to.Add(element, toFront);
            from.Drop(1, fromFront);
        }
        c.Changed(2, to);
        if (from != to) c.Changed(1, from);
    }
}
