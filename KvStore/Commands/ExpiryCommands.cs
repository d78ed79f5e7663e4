using FeedMall.KvStore.Data;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>When keys go.</summary>
internal static class ExpiryCommands
{
    public static IEnumerable<Command> Rows =>
    [
        new("expire", -3, Write | Fast, c => Expire(c, 1000, isRelative: true), 1, 1, 1),
        new("pexpire", -3, Write | Fast, c => Expire(c, 1, isRelative: true), 1, 1, 1),
        new("expireat", -3, Write | Fast, c => Expire(c, 1000, isRelative: false), 1, 1, 1),
        new("pexpireat", -3, Write | Fast, c => Expire(c, 1, isRelative: false), 1, 1, 1),
        new("ttl", 2, ReadOnly | Fast, c => ReplyTime(c, static (at, now) => (Math.Max(at - now, 0) + 500) / 1000), 1, 1, 1),
        new("pttl", 2, ReadOnly | Fast, c => ReplyTime(c, static (at, now) => Math.Max(at - now, 0)), 1, 1, 1),
        new("expiretime", 2, ReadOnly | Fast, c => ReplyTime(c, static (at, _) => (at + 500) / 1000), 1, 1, 1),
        new("pexpiretime", 2, ReadOnly | Fast, c => ReplyTime(c, static (at, _) => at), 1, 1, 1),
        new("persist", 2, Write | Fast, Persist, 1, 1, 1),
    ];

    private static void Expire(CommandContext c, long unitMs, bool isRelative)
    {
        if (!TryReadConditions(c, out var conditions)) return;
        if (!Expiry.TryReadAny(c, 2, unitMs, isRelative, mustBePositive: false, out var expireAt)) return;
        var block = c.Database.Find(c[1], out var hash, isUse: false);
        if (block == 0 || !Holds(conditions, c.Database.Open(block).ExpireAt, expireAt))
        {
            c.Reply.Integer(0);
            return;
        }
        if (expireAt <= c.NowMs) c.Database.Remove(hash, block);
        else c.Database.SetExpiry(c[1], hash, block, expireAt);
        c.Reply.Integer(1);
    }

    [Flags]
    private enum Condition
    {
        None = 0,
        IfNone = 1,
        IfAny = 2,
        IfLater = 4,
        IfSooner = 8,
    }

    // No expiry counts as one that never comes.
    private static bool Holds(Condition conditions, long now, long then) =>
        (!conditions.HasFlag(Condition.IfNone) || now == Database.Never) && (!conditions.HasFlag(Condition.IfAny) || now != Database.Never)
        && (!conditions.HasFlag(Condition.IfLater) || then > now) && (!conditions.HasFlag(Condition.IfSooner) || then < now);

    private static bool TryReadConditions(CommandContext c, out Condition conditions)
    {
        conditions = Condition.None;
        for (var i = 3; i < c.Count; i++)
        {
            var condition = c.Is(i, "nx") ? Condition.IfNone : c.Is(i, "xx") ? Condition.IfAny
                : c.Is(i, "gt") ? Condition.IfLater : c.Is(i, "lt") ? Condition.IfSooner : Condition.None;
            if (condition == Condition.None)
            {
                c.Reply.Error($"ERR Unsupported option {c.Beginning(i, 128)}");
                return false;
            }
            conditions |= condition;
        }
        if (conditions.HasFlag(Condition.IfNone) && conditions != Condition.IfNone)
            c.Reply.Error("ERR NX and XX, GT or LT options at the same time are not compatible"u8);
        else if (conditions.HasFlag(Condition.IfLater | Condition.IfSooner))
            c.Reply.Error("ERR GT and LT options at the same time are not compatible"u8);
        else
            return true;
        return false;
    }

    private static void ReplyTime(CommandContext c, Func<long, long, long> show)
    {
        var block = c.Database.Find(c[1], out _, isUse: false);
        c.Engine.CountRead(block != 0);
        var expireAt = block == 0 ? 0 : c.Database.Open(block).ExpireAt;
        c.Reply.Integer(block == 0 ? -2 : expireAt == Database.Never ? -1 : show(expireAt, c.NowMs));
    }

    private static void Persist(CommandContext c)
    {
        var block = c.Database.Find(c[1], out var hash, isUse: false);
        var has = block != 0 && c.Database.Open(block).HasExpiry;
        if (has) c.Database.SetExpiry(c[1], hash, block, Database.Never);
        c.Reply.Integer(has ? 1 : 0);
    }
}
