using FeedMall.KvStore.Data;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>Members without order, each once.</summary>
internal static class SetCommands
{
    public static IEnumerable<Command> Rows =>
    [
        new("sadd", -3, Write | DenyOom, Add, 1, 1, 1),
        new("srem", -3, Write, Remove, 1, 1, 1),
        new("smembers", 2, ReadOnly, Members, 1, 1, 1),
        new("sismember", 3, ReadOnly | Fast, IsMember, 1, 1, 1),
        new("smismember", -3, ReadOnly, AreMembers, 1, 1, 1),
        new("scard", 2, ReadOnly | Fast, Count, 1, 1, 1),
        new("smove", 4, Write | Fast, Move, 1, 2, 1),
        new("spop", -2, Write, RandomMembers.Pop, 1, 1, 1),
        new("srandmember", -2, ReadOnly, RandomMembers.SetMembers, 1, 1, 1),
        new("sscan", -3, ReadOnly, MemberScan.Set, 1, 1, 1),
        new("sinter", -2, ReadOnly, c => Combine(c, (all, found) => found == all), 1, -1, 1),
        new("sunion", -2, ReadOnly, c => Combine(c, (_, _) => true), 1, -1, 1),
        new("sdiff", -2, ReadOnly, Without, 1, -1, 1),
    ];

    private static void Add(CommandContext c)
    {
        if (!c.TryFindOrCreate(1, static keyspace => new KvSet(keyspace), out var set)) return;
        var added = 0;
        for (var i = 2; i < c.Count; i++) added += set.Add(c[i]) ? 1 : 0;
        if (added > 0) c.Changed(1, set);
        c.Reply.Integer(added);
    }

    private static void Remove(CommandContext c)
    {
        if (!c.TryFind<KvSet>(1, out var set)) return;
        var removed = 0;
        for (var i = 2; i < c.Count && set is not null; i++) removed += set.Remove(c[i]) ? 1 : 0;
        if (removed > 0) c.Changed(1, set!);
        c.Reply.Integer(removed);
    }

    private static void Members(CommandContext c)
    {
        if (!c.TryFind<KvSet>(1, out var set, isRead: true)) return;
        c.Reply.Set(set?.Count ?? 0);
        for (var position = 0L; set is not null && set.Next(ref position) is var place and not 0;) c.Reply.Bulk(set.MemberAt(place));
    }

    private static void IsMember(CommandContext c)
    {
        if (c.TryFind<KvSet>(1, out var set, isRead: true)) c.Reply.Integer(set is not null && set.Find(c[2]) != 0 ? 1 : 0);
    }

    private static void AreMembers(CommandContext c)
    {
        if (!c.TryFind<KvSet>(1, out var set, isRead: true)) return;
        c.Reply.Array(c.Count - 2);
        for (var i = 2; i < c.Count; i++) c.Reply.Integer(set is not null && set.Find(c[i]) != 0 ? 1 : 0);
    }

    private static void Count(CommandContext c)
    {
        if (c.TryFind<KvSet>(1, out var set, isRead: true)) c.Reply.Integer(set?.Count ?? 0);
    }

    private static void Move(CommandContext c)
    {
        if (!c.TryFind<KvSet>(1, out var from)) return;
        if (from is null)
        {
            c.Reply.Integer(0);
            return;
        }
        if (!c.TryFind<KvSet>(2, out var to)) return;
        var isThere = from.Find(c[3]) != 0;
        if (isThere && from != to)
        {
            from.Remove(c[3]);
            c.Changed(1, from);
            if (!c.TryFindOrCreate(2, static keyspace => new KvSet(keyspace), out to)) return;
            to.Add(c[3]);
            c.Changed(2, to);
        }
        c.Reply.Integer(isThere ? 1 : 0);
    }

    // What is in all sets, or in any.
    private static void Combine(CommandContext c, Func<int, int, bool> isWanted)
    {
        if (!TryFindAll(c, out var sets)) return;
        var counts = new Dictionary<byte[], int>(BytesComparer.Instance);
        foreach (var set in sets)
            for (var position = 0L; set is not null && set.Next(ref position) is var place and not 0;)
            {
                var member = set.MemberAt(place).ToArray();
                counts[member] = counts.GetValueOrDefault(member) + 1;
            }
        Reply(c, [.. counts.Where(count => isWanted(sets.Count, count.Value)).Select(count => count.Key)]);
    }

    // What is in the first set only.
    private static void Without(CommandContext c)
    {
        if (!TryFindAll(c, out var sets)) return;
        var left = new List<byte[]>();
        for (var position = 0L; sets[0] is { } first && first.Next(ref position) is var place and not 0;)
        {
            var member = first.MemberAt(place).ToArray();
            if (!sets.Skip(1).Any(other => other is not null && other.Find(member) != 0)) left.Add(member);
        }
        Reply(c, left);
    }

    private static bool TryFindAll(CommandContext c, out List<KvSet?> sets)
    {
        sets = [];
        for (var i = 1; i < c.Count; i++)
        {
            if (!c.TryFind<KvSet>(i, out var set, isRead: true)) return false;
            sets.Add(set);
        }
        return true;
    }

    private static void Reply(CommandContext c, IReadOnlyList<byte[]> members)
    {
        c.Reply.Set(members.Count);
        foreach (var member in members) c.Reply.Bulk(member);
    }
}
