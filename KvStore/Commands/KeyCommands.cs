using FeedMall.KvStore.Data;
using FeedMall.KvStore.Protocol;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>Keys, whatever they hold.</summary>
internal static class KeyCommands
{
    public static IEnumerable<Command> Rows =>
    [
        new("del", -2, Write, Delete, 1, -1, 1),
        new("unlink", -2, Write, Delete, 1, -1, 1),
        new("exists", -2, ReadOnly | Fast, Exists, 1, -1, 1),
        new("touch", -2, ReadOnly | Fast, Exists, 1, -1, 1),
        new("type", 2, ReadOnly | Fast, TypeOf, 1, 1, 1),
        new("rename", 3, Write, c => Rename(c, onlyIfFree: false), 1, 2, 1),
        new("renamenx", 3, Write | Fast, c => Rename(c, onlyIfFree: true), 1, 2, 1),
        new("copy", -3, Write | DenyOom, Copy, 1, 2, 1),
        new("move", 3, Write | Fast, Move, 1, 1, 1),
        new("dbsize", 1, ReadOnly | Fast, c => c.Reply.Integer(c.Database.Count)),
        new("flushdb", -1, Write, c => Flush(c, all: false)),
        new("flushall", -1, Write, c => Flush(c, all: true)),
        new("swapdb", 3, Write | Fast, SwapDb),
        new("object", -2, ReadOnly, Object, 2, 2, 1),
        new("memory", -2, ReadOnly, Memory, 2, 2, 1),
    ];

    private static void Delete(CommandContext c)
    {
        var deleted = 0;
        for (var i = 1; i < c.Count; i++) deleted += c.Database.Remove(c[i]) ? 1 : 0;
        c.Reply.Integer(deleted);
    }

    private static void Exists(CommandContext c)
    {
        var found = 0;
        for (var i = 1; i < c.Count; i++)
        {
            var isThere = c.Database.Find(c[i], out _) != 0;
            c.Engine.CountRead(isThere);
            found += isThere ? 1 : 0;
        }
        c.Reply.Integer(found);
    }

    private static void TypeOf(CommandContext c)
    {
        var block = c.Database.Find(c[1], out _, isUse: false);
        c.Engine.CountRead(block != 0);
        c.Reply.Simple(System.Text.Encoding.ASCII.GetBytes(block == 0 ? "none" : ScanCommands.TypeName(c.Database.Open(block).Kind)));
    }

    private static void Rename(CommandContext c, bool onlyIfFree)
    {
        var block = c.Database.Find(c[1], out _, isUse: false);
        if (block == 0)
        {
            c.Reply.Error(Errors.NoSuchKey);
            return;
        }
        var isSame = c[1].SequenceEqual(c[2]);
        var isTaken = isSame || (onlyIfFree && c.Database.Find(c[2], out _, isUse: false) != 0);
        if (!isTaken || (!onlyIfFree && !isSame)) Transfer(c.Database, c[1], c.Database, c[2]);
        if (onlyIfFree) c.Reply.Integer(isTaken ? 0 : 1);
        else c.Reply.Ok();
    }

    private static void Copy(CommandContext c)
    {
        var target = c.Database;
        var replaces = false;
        for (var i = 3; i < c.Count; i++)
        {
            if (c.Is(i, "replace")) replaces = true;
            else if (c.Is(i, "db") && i + 1 < c.Count)
            {
                if (!TryDatabase(c, ++i, out target)) return;
            }
            else
            {
                c.Reply.Error(Errors.Syntax);
                return;
            }
        }
        if (target == c.Database && c[1].SequenceEqual(c[2]))
        {
            c.Reply.Error("ERR source and destination objects are the same"u8);
            return;
        }
        var block = c.Database.Find(c[1], out _, isUse: false);
        if (block == 0 || (!replaces && target.Find(c[2], out _, isUse: false) != 0))
        {
            c.Reply.Integer(0);
            return;
        }
        Duplicate(c.Database, block, target, c[2]);
        c.Reply.Integer(1);
    }

    private static void Move(CommandContext c)
    {
        if (!TryDatabase(c, 2, out var target)) return;
        if (target == c.Database)
        {
            c.Reply.Error("ERR source and destination objects are the same"u8);
            return;
        }
        var block = c.Database.Find(c[1], out _, isUse: false);
        if (block == 0 || target.Find(c[1], out _, isUse: false) != 0)
        {
            c.Reply.Integer(0);
            return;
        }
        Transfer(c.Database, c[1], target, c[1]);
        c.Reply.Integer(1);
    }

    private static bool TryDatabase(CommandContext c, int at, out Database database)
    {
        database = c.Database;
        if (!c.TryInteger(at, out var number)) return false;
        if (number is < 0 or >= Keyspace.DatabaseCount)
        {
            c.Reply.Error(Errors.DatabaseRange);
            return false;
        }
        database = c.Keyspace[(int)number];
        return true;
    }

    // Gives an entry another place. A collection is not copied, however large it is.
    private static void Transfer(Database from, ReadOnlySpan<byte> key, Database to, ReadOnlySpan<byte> newKey)
    {
        var block = from.Find(key, out _, isUse: false);
        var entry = from.Open(block);
        if (entry.Kind == EntryKind.String)
        {
            Duplicate(from, block, to, newKey);
            from.Remove(key);
            return;
        }
        var expireAt = entry.ExpireAt;
        to.Set(newKey, from.Detach(key), expireAt);
    }

    // Copies an entry with its expiry; room for the copy may move nothing else, so the source can be read while it is written.
    private static void Duplicate(Database from, long block, Database to, ReadOnlySpan<byte> key)
    {
        var entry = from.Open(block);
        var expireAt = entry.ExpireAt;
        if (entry.Kind != EntryKind.String)
        {
            to.Set(key, from.Object(block).Clone(), expireAt);
            return;
        }
        var old = to.Find(key, out var hash, isUse: false);
        from.Open(block).Value.CopyTo(to.Put(key, hash, old, EntryKind.String, entry.Value.Length, expireAt));
    }

    private static void Flush(CommandContext c, bool all)
    {
        if (c.Count > 2 || (c.Count == 2 && !c.Is(1, "async") && !c.Is(1, "sync")))
        {
            c.Reply.Error(Errors.Syntax);
            return;
        }
        foreach (var database in c.Keyspace.Used)
            if (all || database == c.Database) database.Clear();
        c.Reply.Ok();
    }

    private static void SwapDb(CommandContext c)
    {
        if (!Numbers.TryParseInteger(c[1], out var one)) c.Reply.Error("ERR invalid first DB index"u8);
        else if (!Numbers.TryParseInteger(c[2], out var other)) c.Reply.Error("ERR invalid second DB index"u8);
        else if (one is < 0 or >= Keyspace.DatabaseCount || other is < 0 or >= Keyspace.DatabaseCount) c.Reply.Error(Errors.DatabaseRange);
        else
        {
            if (one != other) c.Keyspace.Swap((int)one, (int)other);
            c.Reply.Ok();
        }
    }

    private static void Object(CommandContext c)
    {
        if (c.Is(1, "help"))
        {
            c.Reply.Array(1);
            c.Reply.Simple("OBJECT ENCODING|FREQ|IDLETIME|REFCOUNT <key>"u8);
            return;
        }
        var isKnown = c.Is(1, "encoding") || c.Is(1, "refcount") || c.Is(1, "idletime") || c.Is(1, "freq");
        if (!isKnown || c.Count != 3)
        {
            if (isKnown) c.WrongArity("object|" + c.Text(1).ToLowerInvariant());
            else c.UnknownSubcommand();
            return;
        }
        var block = c.Database.Find(c[2], out _, isUse: false);
        if (block == 0)
        {
            c.Reply.Nil();
            return;
        }
        var entry = c.Database.Open(block);
        var counts = c.Keyspace.Access.CountsUses;
        if (c.Is(1, "encoding")) c.Reply.Bulk(entry.Kind == EntryKind.String ? Encoding(entry.Value) : c.Database.Object(block).Encoding);
        else if (c.Is(1, "refcount")) c.Reply.Integer(1);
        else if (c.Is(1, "idletime") && !counts) c.Reply.Integer(c.Keyspace.Access.IdleSeconds(entry.Access));
        else if (c.Is(1, "freq") && counts) c.Reply.Integer(c.Keyspace.Access.Frequency(entry.Access));
        else if (counts) c.Reply.Error("ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."u8);
        else c.Reply.Error("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."u8);
    }

    // All strings lie here alike; these are the names that clients know.
    private static string Encoding(ReadOnlySpan<byte> value) => Numbers.TryParseInteger(value, out _) ? "int" : value.Length <= 44 ? "embstr" : "raw";

    private static void Memory(CommandContext c)
    {
        if (c.Is(1, "usage") && c.Count >= 3)
        {
            var block = c.Database.Find(c[2], out _, isUse: false);
            if (block == 0)
            {
                c.Reply.Nil();
                return;
            }
            var entry = c.Database.Open(block);
            var bytes = Slabs.BlockBytes(Entry.Bytes(entry.Key.Length, entry.Value.Length, entry.HasExpiry)) + KeyIndex.BytesPerKey;
            var value = entry.Kind == EntryKind.String ? null : c.Database.Object(block);
            c.Reply.Integer(bytes + (value is null ? 0 : value.Bytes + value.BlockBytes));
        }
        else if (c.Is(1, "purge")) c.Reply.Ok();
        else c.UnknownSubcommand();
    }
}
