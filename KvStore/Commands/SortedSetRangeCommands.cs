using FeedMall.KvStore.Data;
using static FeedMall.KvStore.Commands.CommandFlags;

namespace FeedMall.KvStore.Commands;

/// <summary>Parts of sorted sets: by rank, by score, by the members' bytes.</summary>
internal static class SortedSetRangeCommands
{
    public static IEnumerable<Command> Rows =>
    [
        new("zrange", -4, ReadOnly, c => Range(c, RangeBy.Rank, isReversed: false), 1, 1, 1),
        new("zrevrange", -4, ReadOnly, c => Range(c, RangeBy.Rank, isReversed: true), 1, 1, 1),
        new("zrangebyscore", -4, ReadOnly, c => Range(c, RangeBy.Score, isReversed: false), 1, 1, 1),
        new("zrevrangebyscore", -4, ReadOnly, c => Range(c, RangeBy.Score, isReversed: true), 1, 1, 1),
        new("zrangebylex", -4, ReadOnly, c => Range(c, RangeBy.Bytes, isReversed: false), 1, 1, 1),
        new("zrevrangebylex", -4, ReadOnly, c => Range(c, RangeBy.Bytes, isReversed: true), 1, 1, 1),
        new("zcount", 4, ReadOnly | Fast, c => Count(c, RangeBy.Score), 1, 1, 1),
        new("zlexcount", 4, ReadOnly | Fast, c => Count(c, RangeBy.Bytes), 1, 1, 1),
        new("zremrangebyrank", 4, Write, c => Remove(c, RangeBy.Rank), 1, 1, 1),
        new("zremrangebyscore", 4, Write, c => Remove(c, RangeBy.Score), 1, 1, 1),
        new("zremrangebylex", 4, Write, c => Remove(c, RangeBy.Bytes), 1, 1, 1),
    ];

    private static void Range(CommandContext c, RangeBy by, bool isReversed)
    {
        if (!RangeOptions.TryRead(c, by, isReversed, out var options)) return;
        if (!MemberRange.TryRead(c, options.By, options.IsReversed ? 3 : 2, options.IsReversed ? 2 : 3, out var range)) return;
        if (!c.TryFind<KvSortedSet>(1, out var set, isRead: true)) return;
        var (from, count) = set is null ? (0, 0) : range.In(set, options.IsReversed);
        var (nodes, skip) = (new List<int>(), (int)Math.Clamp(options.Offset, 0, count));
        var taken = options.Offset < 0 ? 0 : options.Limit < 0 ? count - skip : (int)Math.Min(options.Limit, count - skip);
        set?.Collect(options.IsReversed ? from + count - skip - taken : from + skip, taken, nodes);
        if (options.IsReversed) nodes.Reverse();
        Reply(c, set, nodes, options.WithScores);
    }

    private static void Reply(CommandContext c, KvSortedSet? set, List<int> nodes, bool withScores)
    {
        var pairs = withScores && c.Reply.Protocol == 3;
        c.Reply.Array(withScores && !pairs ? nodes.Count * 2 : nodes.Count);
        foreach (var node in nodes)
        {
            if (pairs) c.Reply.Array(2);
            c.Reply.Bulk(set!.MemberAt(node));
            if (withScores) c.Reply.Double(set.ScoreAt(node));
        }
    }

    private static void Count(CommandContext c, RangeBy by)
    {
        if (!MemberRange.TryRead(c, by, 2, 3, out var range) || !c.TryFind<KvSortedSet>(1, out var set, isRead: true)) return;
        c.Reply.Integer(set is null ? 0 : range.In(set, isReversed: false).Count);
    }

    private static void Remove(CommandContext c, RangeBy by)
    {
        if (!MemberRange.TryRead(c, by, 2, 3, out var range) || !c.TryFind<KvSortedSet>(1, out var set)) return;
        var (from, count) = set is null ? (0, 0) : range.In(set, isReversed: false);
        c.Reply.Integer(count);
        if (count == 0) return;
        if (count == set!.Count)
        {
            // The whole set: its memory is given back in the background.
            c.Database.Remove(c[1]);
            return;
        }
        var nodes = new List<int>(count);
        set.Collect(from, count, nodes);
        foreach (var node in nodes) set.Remove(set.MemberAt(node));
        c.Changed(1, set);
    }
}

/// <summary>What the ends of a range are.</summary>
internal enum RangeBy
{
    Rank,
    Score,
    Bytes,
}

/// <summary>The words behind ZRANGE key start stop; the older commands know some of them.</summary>
internal struct RangeOptions
{
    public RangeBy By;
    public bool IsReversed, WithScores;
    public long Offset, Limit;

    /// <summary>Reads [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]; replies when it cannot.</summary>
    public static bool TryRead(CommandContext c, RangeBy by, bool isReversed, out RangeOptions options)
    {
        options = new RangeOptions { By = by, IsReversed = isReversed, Limit = -1 };
        var isZRange = c.Command.Name == "zrange";
        var hasLimit = false;
        for (var i = 4; i < c.Count; i++)
        {
            if (c.Is(i, "withscores")) options.WithScores = true;
            else if (c.Is(i, "limit") && i + 2 < c.Count)
            {
                if (!c.TryInteger(i + 1, out options.Offset) || !c.TryInteger(i + 2, out options.Limit)) return false;
                hasLimit = true;
                i += 2;
            }
            else if (isZRange && !options.IsReversed && c.Is(i, "rev")) options.IsReversed = true;
            else if (isZRange && options.By == RangeBy.Rank && c.Is(i, "byscore")) options.By = RangeBy.Score;
            else if (isZRange && options.By == RangeBy.Rank && c.Is(i, "bylex")) options.By = RangeBy.Bytes;
            else return Fail(c, Errors.Syntax);
        }
        if (hasLimit && options.By == RangeBy.Rank) return Fail(c, "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"u8);
        if (options.WithScores && options.By == RangeBy.Bytes) return Fail(c, "ERR syntax error, WITHSCORES not supported in combination with BYLEX"u8);
        return true;
    }

    private static bool Fail(CommandContext c, ReadOnlySpan<byte> error)
    {
        c.Reply.Error(error);
        return false;
    }
}

/// <summary>A range of a sorted set. The bytes of its ends are arguments of the command.</summary>
internal ref struct MemberRange
{
    private RangeBy _by;
    private long _first, _last;
    private double _least, _most;
    private ReadOnlySpan<byte> _low, _high;
    private bool _isAboveLeast, _isBelowMost; // the ends themselves are not in it

    /// <summary>Reads both ends; replies when it cannot.</summary>
    public static bool TryRead(CommandContext c, RangeBy by, int low, int high, out MemberRange range)
    {
        range = new MemberRange { _by = by };
        switch (by)
        {
            case RangeBy.Rank:
                return c.TryInteger(2, out range._first) && c.TryInteger(3, out range._last);
            case RangeBy.Score when TryScore(c[low], out range._least, out range._isAboveLeast) && TryScore(c[high], out range._most, out range._isBelowMost):
                return true;
            case RangeBy.Bytes when TryBytes(c[low], out range._low, out range._isAboveLeast) && TryBytes(c[high], out range._high, out range._isBelowMost):
                return true;
            default:
                c.Reply.Error(by == RangeBy.Score ? "ERR min or max is not a float"u8 : "ERR min or max not valid string range item"u8);
                return false;
        }
    }

    /// <summary>The ranks that it covers, counted from the lowest.</summary>
    public readonly (int From, int Count) In(KvSortedSet set, bool isReversed)
    {
        if (_by == RangeBy.Rank)
        {
            var (first, count) = ListCommands.Span(_first, _last, set.Count);
            return (isReversed ? set.Count - first - count : first, count);
        }
        var from = _by == RangeBy.Score ? set.CountBelow(_least, orEqual: _isAboveLeast) : Below(set, _low, orEqual: _isAboveLeast);
        var to = _by == RangeBy.Score ? set.CountBelow(_most, orEqual: !_isBelowMost) : Below(set, _high, orEqual: !_isBelowMost);
        return (from, Math.Max(to - from, 0));
    }

    // "-" and "+" stand before and behind all members.
    private static int Below(KvSortedSet set, ReadOnlySpan<byte> end, bool orEqual) =>
        end[0] == '-' ? 0 : end[0] == '+' ? set.Count : set.CountBelow(end[1..], orEqual);

    private static bool TryScore(ReadOnlySpan<byte> text, out double score, out bool isExclusive)
    {
        isExclusive = text.Length > 0 && text[0] == '(';
        return Protocol.Numbers.TryParseDouble(isExclusive ? text[1..] : text, out score);
    }

    private static bool TryBytes(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> end, out bool isExclusive)
    {
        end = text;
        isExclusive = text.Length > 0 && text[0] == '(';
        return text.Length > 0 && (text[0] is (byte)'(' or (byte)'[' || (text.Length == 1 && text[0] is (byte)'-' or (byte)'+'));
    }
}
