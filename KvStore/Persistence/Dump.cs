using System.Text;
using FeedMall.KvStore.Data;
using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Persistence;

/// <summary>Writes an entry as the commands that make it.</summary>
internal static class Dump
{
    private const int MembersAtOnce = 64;

    /// <summary>Whatever the block holds, with its expiry.</summary>
    public static void Write(Database database, long block, ReplyWriter log)
    {
        var entry = database.Open(block);
        if (entry.Kind == EntryKind.String)
        {
            String(entry, log);
            return;
        }
        Collection(entry.Key, database.Object(block), log);
        if (entry.HasExpiry) Expiry(entry, log);
    }

    /// <summary>SET key value [PXAT ms].</summary>
    public static void String(Entry entry, ReplyWriter log)
    {
        log.Array(entry.HasExpiry ? 5 : 3);
        log.Bulk("SET"u8);
        log.Bulk(entry.Key);
        log.Bulk(entry.Value);
        if (!entry.HasExpiry) return;
        log.Bulk("PXAT"u8);
        log.BulkInteger(entry.ExpireAt);
    }

    /// <summary>PEXPIREAT key ms.</summary>
    public static void Expiry(Entry entry, ReplyWriter log)
    {
        log.Array(3);
        log.Bulk("PEXPIREAT"u8);
        log.Bulk(entry.Key);
        log.BulkInteger(entry.ExpireAt);
    }

    private static void Collection(ReadOnlySpan<byte> key, KvValue value, ReplyWriter log)
    {
        switch (value)
        {
            case KvList list:
                for (var i = 0; i < list.Count; i++)
                {
                    Head(i, list.Count, 1, "RPUSH"u8, key, log);
                    log.Bulk(list[i]);
                }
                break;
            case KvMap map:
                Map(key, map, log);
                break;
            default:
                SortedSet(key, (KvSortedSet)value, log);
                break;
        }
    }

    private static void Map(ReadOnlySpan<byte> key, KvMap map, ReplyWriter log)
    {
        var isHash = map.Kind == EntryKind.Hash;
        var at = 0;
        for (var position = 0L; map.Next(ref position) is var place and not 0; at++)
        {
            Head(at, map.Count, isHash ? 2 : 1, isHash ? "HSET"u8 : "SADD"u8, key, log);
            log.Bulk(map.MemberAt(place));
            if (isHash) log.Bulk(map.ValueAt(place));
        }
    }

    private static void SortedSet(ReadOnlySpan<byte> key, KvSortedSet set, ReplyWriter log)
    {
        var nodes = new List<int>(set.Count);
        set.Collect(0, set.Count, nodes);
        Span<byte> score = stackalloc byte[Numbers.MaxScoreBytes];
        for (var i = 0; i < nodes.Count; i++)
        {
            Head(i, nodes.Count, 2, "ZADD"u8, key, log);
            log.Bulk(score[..Encoding.ASCII.GetBytes(Numbers.FormatScore(set.ScoreAt(nodes[i])), score)]);
            log.Bulk(set.MemberAt(nodes[i]));
        }
    }

    // Begins a command for as many members as one may have.
    private static void Head(int at, int count, int words, ReadOnlySpan<byte> name, ReadOnlySpan<byte> key, ReplyWriter log)
    {
        if (at % MembersAtOnce != 0) return;
        log.Array(2 + Math.Min(count - at, MembersAtOnce) * words);
        log.Bulk(name);
        log.Bulk(key);
    }
}
