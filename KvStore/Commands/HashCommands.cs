using System.Buffers.Text;
using System.Text;
using FeedMall.KvStore.Data;
using FeedMall.KvStore.Protocol;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>Fields with values under one key.</summary>
internal static class HashCommands
{
    public static IEnumerable<Command> Rows =>
    [
        new("hset", -4, Write | DenyOom, c => Set(c, isOld: false), 1, 1, 1),
        new("hmset", -4, Write | DenyOom, c => Set(c, isOld: true), 1, 1, 1),
        new("hsetnx", 4, Write | DenyOom | Fast, SetNx, 1, 1, 1),
        new("hget", 3, ReadOnly | Fast, Get, 1, 1, 1),
        new("hmget", -3, ReadOnly, MGet, 1, 1, 1),
        new("hgetall", 2, ReadOnly, c => All(c, fields: true, values: true), 1, 1, 1),
        new("hkeys", 2, ReadOnly, c => All(c, fields: true, values: false), 1, 1, 1),
        new("hvals", 2, ReadOnly, c => All(c, fields: false, values: true), 1, 1, 1),
        new("hdel", -3, Write, Delete, 1, 1, 1),
        new("hincrby", 4, Write | DenyOom | Fast, IncrBy, 1, 1, 1),
        new("hincrbyfloat", 4, Write | DenyOom | Fast, IncrByFloat, 1, 1, 1),
        new("hlen", 2, ReadOnly | Fast, Length, 1, 1, 1),
        new("hexists", 3, ReadOnly | Fast, Exists, 1, 1, 1),
        new("hstrlen", 3, ReadOnly | Fast, ValueLength, 1, 1, 1),
        new("hrandfield", -2, ReadOnly, RandomMembers.HashFields, 1, 1, 1),
        new("hscan", -3, ReadOnly, MemberScan.Hash, 1, 1, 1),
    ];

    private static void Set(CommandContext c, bool isOld)
    {
        if (c.Count % 2 == 1)
        {
            c.WrongArity(c.Command.Name);
            return;
        }
        if (!c.TryFindOrCreate(1, static keyspace => new KvHash(keyspace), out var hash)) return;
        var added = 0;
        for (var i = 2; i < c.Count; i += 2) added += hash.Put(c[i], c[i + 1]) ? 1 : 0;
        c.Changed(1, hash);
        if (isOld) c.Reply.Ok();
        else c.Reply.Integer(added);
    }

    private static void SetNx(CommandContext c)
    {
        if (!c.TryFindOrCreate(1, static keyspace => new KvHash(keyspace), out var hash)) return;
        var isNew = hash.Find(c[2]) == 0;
        if (isNew)
        {
            hash.Put(c[2], c[3]);
            c.Changed(1, hash);
        }
        c.Reply.Integer(isNew ? 1 : 0);
    }

    private static void Get(CommandContext c)
    {
        if (c.TryFind<KvHash>(1, out var hash, isRead: true)) ReplyValue(c, hash, 2);
    }

    private static void MGet(CommandContext c)
    {
        if (!c.TryFind<KvHash>(1, out var hash, isRead: true)) return;
        c.Reply.Array(c.Count - 2);
        for (var i = 2; i < c.Count; i++) ReplyValue(c, hash, i);
    }

    private static void ReplyValue(CommandContext c, KvHash? hash, int field)
    {
        var place = hash?.Find(c[field]) ?? 0;
        if (place == 0) c.Reply.Nil();
        else c.Reply.Bulk(hash!.ValueAt(place));
    }

    private static void All(CommandContext c, bool fields, bool values)
    {
        if (!c.TryFind<KvHash>(1, out var hash, isRead: true)) return;
        var count = hash?.Count ?? 0;
        if (fields && values) c.Reply.Map(count);
        else c.Reply.Array(count);
        if (hash is null) return;
        for (var position = 0L; hash.Next(ref position) is var place and not 0;)
        {
            if (fields) c.Reply.Bulk(hash.MemberAt(place));
            if (values) c.Reply.Bulk(hash.ValueAt(place));
        }
    }

    private static void Delete(CommandContext c)
    {
        if (!c.TryFind<KvHash>(1, out var hash)) return;
        var removed = 0;
        for (var i = 2; i < c.Count && hash is not null; i++) removed += hash.Remove(c[i]) ? 1 : 0;
        if (removed > 0) c.Changed(1, hash!);
        c.Reply.Integer(removed);
    }

    private static void IncrBy(CommandContext c)
    {
        if (!c.TryInteger(3, out var step) || !c.TryFind<KvHash>(1, out var hash)) return;
        var place = hash?.Find(c[2]) ?? 0;
        var value = 0L;
        if (place != 0 && !Numbers.TryParseInteger(hash!.ValueAt(place), out value))
        {
            c.Reply.Error("ERR hash value is not an integer"u8);
            return;
        }
        if (step > 0 ? value > long.MaxValue - step : value < long.MinValue - step)
        {
            c.Reply.Error(Errors.Overflow);
            return;
        }
        Span<byte> text = stackalloc byte[Numbers.MaxIntegerBytes];
        Utf8Formatter.TryFormat(value + step, text, out var length);
        Put(c, text[..length]);
        c.Reply.Integer(value + step);
    }

    private static void IncrByFloat(CommandContext c)
    {
        if (!c.TryDouble(3, out var step)) return;
        if (!double.IsFinite(step))
        {
            c.Reply.Error("ERR value is NaN or Infinity"u8);
            return;
        }
        if (!c.TryFind<KvHash>(1, out var hash)) return;
        var place = hash?.Find(c[2]) ?? 0;
        var value = 0.0;
        if (place != 0 && !Numbers.TryParseDouble(hash!.ValueAt(place), out value))
        {
            c.Reply.Error("ERR hash value is not a float"u8);
            return;
        }
        if (!double.IsFinite(value + step))
        {
            c.Reply.Error("ERR increment would produce NaN or Infinity"u8);
            return;
        }
        var text = Encoding.ASCII.GetBytes(Numbers.Format(value + step));
        Put(c, text);
        c.Reply.Bulk(text);
    }

    private static void Put(CommandContext c, ReadOnlySpan<byte> text)
    {
        if (!c.TryFindOrCreate(1, static keyspace => new KvHash(keyspace), out var hash)) return;
        hash.Put(c[2], text);
        c.Changed(1, hash);
    }

    private static void Length(CommandContext c)
    {
        if (c.TryFind<KvHash>(1, out var hash, isRead: true)) c.Reply.Integer(hash?.Count ?? 0);
    }

    private static void Exists(CommandContext c)
    {
        if (c.TryFind<KvHash>(1, out var hash, isRead: true)) c.Reply.Integer(hash is not null && hash.Find(c[2]) != 0 ? 1 : 0);
    }

    private static void ValueLength(CommandContext c)
    {
        if (!c.TryFind<KvHash>(1, out var hash, isRead: true)) return;
        var place = hash?.Find(c[2]) ?? 0;
        c.Reply.Integer(place == 0 ? 0 : hash!.ValueAt(place).Length);
    }
}
