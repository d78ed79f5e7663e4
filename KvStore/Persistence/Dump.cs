using FeedMall.KvStore.Data;
using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Persistence;

/// <summary>Writes an entry as the commands that make it.</summary>
internal static class Dump
{
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

    private static void Collection(ReadOnlySpan<byte> key, KvValue value, ReplyWriter log) => throw new NotSupportedException(value.Encoding);
}
