using FeedMall.KvStore.Data;
using FeedMall.KvStore.Protocol;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>Members in the order of their scores: one by one, and from the ends.</summary>
internal static class SortedSetCommands
{
    public static IEnumerable<Command> Rows =>
    [
        new("zadd", -4, Write | DenyOom, Add, 1, 1, 1),
        new("zincrby", 4, Write | DenyOom | Fast, IncrBy, 1, 1, 1),
        new("zrem", -3, Write, Remove, 1, 1, 1),
        new("zcard", 2, ReadOnly | Fast, Count, 1, 1, 1),
        new("zscore", 3, ReadOnly | Fast, Score, 1, 1, 1),
        new("zmscore", -3, ReadOnly, Scores, 1, 1, 1),
        new("zrank", 3, ReadOnly | Fast, c => Rank(c, fromTop: false), 1, 1, 1),
        new("zrevrank", 3, ReadOnly | Fast, c => Rank(c, fromTop: true), 1, 1, 1),
        new("zpopmin", -2, Write, c => Pop(c, fromTop: false), 1, 1, 1),
        new("zpopmax", -2, Write, c => Pop(c, fromTop: true), 1, 1, 1),
        new("zscan", -3, ReadOnly, MemberScan.SortedSet, 1, 1, 1),
    ];

    private static void Add(CommandContext c)
    {
        if (!AddOptions.TryRead(c, out var options, out var first)) return;
        for (var i = first; i < c.Count; i += 2)
            if (!c.TryDouble(i, out _)) return;
        Add(c, options, first);
    }

    private static void IncrBy(CommandContext c)
    {
        if (c.TryDouble(2, out _)) Add(c, new AddOptions { Increments = true }, 2);
    }

    // Scores are checked already.
    private static void Add(CommandContext c, AddOptions options, int first)
    {
        if (!c.TryFind<KvSortedSet>(1, out var set)) return;
        if (set is null && !options.IfPresent) c.TryFindOrCreate(1, static keyspace => new KvSortedSet(keyspace), out set);
        int added = 0, changed = 0;
        double? result = null;
        for (var i = first; i < c.Count && set is not null; i += 2)
        {
            _ = Numbers.TryParseDouble(c[i], out var score);
            var isThere = set.TryGetScore(c[i + 1], out var old);
            if (isThere ? options.IfAbsent : options.IfPresent) continue;
            if (options.Increments) score += old;
            if (double.IsNaN(score))
            {
                if (set.Count == 0) c.Database.Remove(c[1]);
                c.Reply.Error("ERR resulting score is not a number (NaN)"u8);
                return;
            }
            if (isThere && ((options.IfGreater && score <= old) || (options.IfLess && score >= old))) continue;
            result = score;
            if (isThere && score == old) continue;
            set.Put(c[i + 1], score + 0.0); // minus zero becomes zero
            if (isThere) changed++;
            else added++;
        }
        if (added + changed > 0) c.Changed(1, set!);
        if (!options.Increments) c.Reply.Integer(options.CountsChanged ? added + changed : added);
        else if (result is { } value) c.Reply.Double(value);
        else c.Reply.Nil();
    }

    private static void Remove(CommandContext c)
    {
        if (!c.TryFind<KvSortedSet>(1, out var set)) return;
        var removed = 0;
        for (var i = 2; i < c.Count && set is not null; i++) removed += set.Remove(c[i]) ? 1 : 0;
        if (removed > 0) c.Changed(1, set!);
        c.Reply.Integer(removed);
    }

    private static void Count(CommandContext c)
    {
        if (c.TryFind<KvSortedSet>(1, out var set, isRead: true)) c.Reply.Integer(set?.Count ?? 0);
    }

    private static void Score(CommandContext c)
    {
        if (c.TryFind<KvSortedSet>(1, out var set, isRead: true)) ReplyScore(c, set, 2);
    }

    private static void Scores(CommandContext c)
    {
        if (!c.TryFind<KvSortedSet>(1, out var set, isRead: true)) return;
        c.Reply.Array(c.Count - 2);
        for (var i = 2; i < c.Count; i++) ReplyScore(c, set, i);
    }

    private static void ReplyScore(CommandContext c, KvSortedSet? set, int member)
    {
        if (set is not null && set.TryGetScore(c[member], out var score)) c.Reply.Double(score);
        else c.Reply.Nil();
    }

    private static void Rank(CommandContext c, bool fromTop)
    {
        if (!c.TryFind<KvSortedSet>(1, out var set, isRead: true)) return;
        if (set is null || !set.TryGetScore(c[2], out var score))
        {
            c.Reply.Nil();
            return;
        }
        var rank = set.Rank(c[2], score);
        c.Reply.Integer(fromTop ? set.Count - 1 - rank : rank);
    }

    private static void Pop(CommandContext c, bool fromTop)
    {
        if (c.Count > 3)
        {
            c.Reply.Error(Errors.Syntax);
            return;
        }
        var count = 1L;
        if (c.Count == 3 && (!Numbers.TryParseInteger(c[2], out count) || count < 0))
        {
            c.Reply.Error(Errors.NotPositive);
            return;
        }
        if (!c.TryFind<KvSortedSet>(1, out var set, isRead: true)) return;
        var popped = (int)Math.Min(count, set?.Count ?? 0);
        var pairs = c.Count == 3 && c.Reply.Protocol == 3;
        c.Reply.Array(pairs ? popped : popped * 2);
        var nodes = new List<int>(1);
        for (var left = popped; left > 0; left--)
        {
            nodes.Clear();
            set!.Collect(fromTop ? set.Count - 1 : 0, 1, nodes);
            var member = set.MemberAt(nodes[0]);
            if (pairs) c.Reply.Array(2);
            c.Reply.Bulk(member);
            c.Reply.Double(set.ScoreAt(nodes[0]));
            set.Remove(member);
        }
        if (popped > 0) c.Changed(1, set!);
    }
}

/// <summary>The words between ZADD key and the first score.</summary>
internal struct AddOptions
{
    public bool IfAbsent, IfPresent, IfGreater, IfLess, CountsChanged, Increments;

    /// <summary>Reads [NX|XX] [GT|LT] [CH] [INCR] and checks that pairs follow; replies when it cannot.</summary>
    public static bool TryRead(CommandContext c, out AddOptions options, out int first)
    {
        options = default;
        for (first = 2; first < c.Count; first++)
        {
            if (c.Is(first, "nx")) options.IfAbsent = true;
            else if (c.Is(first, "xx")) options.IfPresent = true;
            else if (c.Is(first, "gt")) options.IfGreater = true;
            else if (c.Is(first, "lt")) options.IfLess = true;
            else if (c.Is(first, "ch")) options.CountsChanged = true;
            else if (c.Is(first, "incr")) options.Increments = true;
            else break;
        }
        var left = c.Count - first;
        if (left == 0 || left % 2 == 1) c.Reply.Error(Errors.Syntax);
        else if (options.IfAbsent && options.IfPresent) c.Reply.Error("ERR XX and NX options at the same time are not compatible"u8);
        else if ((options.IfGreater && options.IfLess) || (options.IfAbsent && (options.IfGreater || options.IfLess)))
            c.Reply.Error("ERR GT, LT, and/or NX options at the same time are not compatible"u8);
        else if (options.Increments && left > 2) c.Reply.Error("ERR INCR option supports a single increment-element pair"u8);
        else return true;
        return false;
    }
}
