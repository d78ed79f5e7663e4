using System.Globalization;
using FeedMall.KvStore.Data;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>Walking through all keys.</summary>
internal static class ScanCommands
{
    private const int DefaultCount = 10;
    private const int MostCount = 10_000;

    public static IEnumerable<Command> Rows =>
    [
        new("keys", 2, ReadOnly, Keys),
        new("scan", -2, ReadOnly, Scan),
        new("randomkey", 1, ReadOnly, RandomKey),
    ];

    /// <summary>What TYPE says of an entry.</summary>
    public static string TypeName(EntryKind kind) => kind switch
    {
        EntryKind.String => "string",
        EntryKind.Hash => "hash",
        EntryKind.List => "list",
        EntryKind.Set => "set",
        _ => "zset",
    };

    // All at once, with every other client waiting: for small databases and emergencies.
    private static void Keys(CommandContext c)
    {
        var found = new List<long>();
        foreach (var block in c.Database.Blocks())
        {
            var entry = c.Database.Open(block);
            if (entry.ExpireAt >= c.NowMs && Glob.Matches(c[1], entry.Key)) found.Add(block);
        }
        c.Reply.Array(found.Count);
        foreach (var block in found) c.Reply.Bulk(c.Database.Open(block).Key);
    }

    private static void Scan(CommandContext c)
    {
        if (!ulong.TryParse(c[1], NumberStyles.None, CultureInfo.InvariantCulture, out var cursor))
        {
            c.Reply.Error("ERR invalid cursor"u8);
            return;
        }
        if (!TryReadOptions(c, out var pattern, out var count, out var type)) return;
        var blocks = new List<long>();
        var next = c.Database.Scan(cursor, count, blocks);
        blocks.RemoveAll(block => !Fits(c, block, pattern, type));
        c.Reply.Array(2);
        c.Reply.Bulk(next.ToString(CultureInfo.InvariantCulture));
        c.Reply.Array(blocks.Count);
        foreach (var block in blocks) c.Reply.Bulk(c.Database.Open(block).Key);
    }

    private static bool Fits(CommandContext c, long block, int pattern, int type)
    {
        var entry = c.Database.Open(block);
        return entry.ExpireAt >= c.NowMs && (pattern == 0 || Glob.Matches(c[pattern], entry.Key)) && (type == 0 || c.Is(type, TypeName(entry.Kind)));
    }

    // The places of the pattern and the type among the arguments; 0: not given.
    private static bool TryReadOptions(CommandContext c, out int pattern, out int count, out int type)
    {
        (pattern, count, type) = (0, DefaultCount, 0);
        for (var i = 2; i < c.Count; i += 2)
        {
            var hasValue = i + 1 < c.Count;
            if (hasValue && c.Is(i, "match"))
            {
                pattern = i + 1;
            }
            else if (hasValue && c.Is(i, "type"))
            {
                type = i + 1;
            }
            else if (hasValue && c.Is(i, "count"))
            {
                if (!c.TryInteger(i + 1, out var wanted)) return false;
                if (wanted < 1) return Fail(c);
                count = (int)Math.Min(wanted, MostCount);
            }
            else
            {
                return Fail(c);
            }
        }
        return true;
    }

    private static bool Fail(CommandContext c)
    {
        c.Reply.Error(Errors.Syntax);
        return false;
    }

    private static void RandomKey(CommandContext c)
    {
        for (var tries = 0; tries < 100; tries++)
        {
            var block = c.Database.Sample((uint)(c.Keyspace.Chance.NextDouble() * uint.MaxValue));
            if (block == 0) break;
            var entry = c.Database.Open(block);
            if (entry.ExpireAt < c.NowMs) continue;
            c.Reply.Bulk(entry.Key);
            return;
        }
        c.Reply.Nil();
    }
}
