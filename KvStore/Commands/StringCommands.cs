using FeedMall.KvStore.Data;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>Whole strings: SET and GET in all their forms.</summary>
internal static class StringCommands
{
    public static IEnumerable<Command> Rows =>
    [
        new("get", 2, ReadOnly | Fast, Get, 1, 1, 1),
        new("set", -3, Write | DenyOom | Fast, Set, 1, 1, 1),
        new("setnx", 3, Write | DenyOom | Fast, SetNx, 1, 1, 1),
        new("setex", 4, Write | DenyOom | Fast, c => SetEx(c, 1000), 1, 1, 1),
        new("psetex", 4, Write | DenyOom | Fast, c => SetEx(c, 1), 1, 1, 1),
        new("getset", 3, Write | DenyOom | Fast, GetSet, 1, 1, 1),
        new("getdel", 2, Write | Fast, GetDel, 1, 1, 1),
        new("getex", -2, Write | Fast, GetEx, 1, 1, 1),
        new("mget", -2, ReadOnly, MGet, 1, -1, 1),
        new("mset", -3, Write | DenyOom, MSet, 1, -1, 2),
        new("msetnx", -3, Write | DenyOom, MSetNx, 1, -1, 2),
    ];

    private static void Get(CommandContext c)
    {
        if (!c.TryRead(1, out var value, out var found)) return;
        if (found) c.Reply.Bulk(value);
        else c.Reply.Nil();
    }

    private static void Set(CommandContext c)
    {
        if (c.Count == 3)
        {
            c.Database.Set(c[1], c[2]);
            c.Reply.Ok();
            return;
        }
        if (!SetOptions.TryRead(c, out var options)) return;
        var block = c.Database.Find(c[1], out var hash, isUse: false);
        if (options.Get && !TryReplyOld(c, block)) return;
        if (block == 0 ? options.IfPresent : options.IfAbsent)
        {
            if (!options.Get) c.Reply.Nil();
            return;
        }
        var expireAt = options.KeepExpiry && block != 0 ? c.Database.Open(block).ExpireAt : options.ExpireAt;
        if (!options.Get) c.Reply.Ok();
        if (c.NowMs > expireAt || (options.HasExpiry && expireAt <= c.NowMs)) _ = block != 0 && c.Database.Remove(c[1]);
        else c[2].CopyTo(c.Database.Put(c[1], hash, block, EntryKind.String, c[2].Length, expireAt));
    }

    private static void SetNx(CommandContext c)
    {
        var block = c.Database.Find(c[1], out var hash, isUse: false);
        if (block == 0) c[2].CopyTo(c.Database.Put(c[1], hash, 0, EntryKind.String, c[2].Length, Database.Never));
        c.Reply.Integer(block == 0 ? 1 : 0);
    }

    private static void SetEx(CommandContext c, long unitMs)
    {
        if (!Expiry.TryRead(c, 2, unitMs, isRelative: true, out var expireAt)) return;
        c.Database.Set(c[1], c[3], expireAt);
        c.Reply.Ok();
    }

    private static void GetSet(CommandContext c)
    {
        if (!TryReplyOld(c, c.Database.Find(c[1], out _, isUse: false))) return;
        c.Database.Set(c[1], c[2]);
    }

    private static void GetDel(CommandContext c)
    {
        if (!c.TryRead(1, out var value, out var found)) return;
        if (!found)
        {
            c.Reply.Nil();
            return;
        }
        c.Reply.Bulk(value);
        c.Database.Remove(c[1]);
    }

    private static void GetEx(CommandContext c)
    {
        if (!SetOptions.TryReadForGetEx(c, out var options)) return;
        if (!c.TryRead(1, out var value, out var found)) return;
        if (!found)
        {
            c.Reply.Nil();
            return;
        }
        c.Reply.Bulk(value);
        var block = c.Database.Find(c[1], out var hash, isUse: false);
        if (options.HasExpiry && options.ExpireAt <= c.NowMs) c.Database.Remove(c[1]);
        else if (options.HasExpiry) c.Database.SetExpiry(c[1], hash, block, options.ExpireAt);
        else if (options.Persist && c.Database.Open(block).HasExpiry) c.Database.SetExpiry(c[1], hash, block, Database.Never);
    }

    private static void MGet(CommandContext c)
    {
        c.Reply.Array(c.Count - 1);
        for (var i = 1; i < c.Count; i++)
        {
            var block = c.Database.Find(c[i], out _);
            c.Engine.CountRead(block != 0);
            if (block != 0 && c.Database.Open(block) is { Kind: EntryKind.String } entry) c.Reply.Bulk(entry.Value);
            else c.Reply.Nil();
        }
    }

    private static void MSet(CommandContext c)
    {
        if (!HasPairs(c)) return;
        for (var i = 1; i < c.Count; i += 2) c.Database.Set(c[i], c[i + 1]);
        c.Reply.Ok();
    }

    private static void MSetNx(CommandContext c)
    {
        if (!HasPairs(c)) return;
        for (var i = 1; i < c.Count; i += 2)
        {
            if (c.Database.Find(c[i], out _, isUse: false) == 0) continue;
            c.Reply.Integer(0);
            return;
        }
        for (var i = 1; i < c.Count; i += 2) c.Database.Set(c[i], c[i + 1]);
        c.Reply.Integer(1);
    }

    private static bool HasPairs(CommandContext c)
    {
        if (c.Count % 2 == 1) return true;
        c.WrongArity(c.Command.Name);
        return false;
    }

    // The value that is about to be replaced, or nil.
    private static bool TryReplyOld(CommandContext c, long block)
    {
        c.Engine.CountRead(block != 0);
        if (block == 0)
        {
            c.Reply.Nil();
            return true;
        }
        var entry = c.Database.Open(block);
        if (entry.Kind == EntryKind.String) c.Reply.Bulk(entry.Value);
        else c.Reply.Error(Errors.WrongType);
        return entry.Kind == EntryKind.String;
    }
}
