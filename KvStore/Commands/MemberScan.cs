using System.Globalization;
using FeedMall.KvStore.Data;

namespace FeedMall.KvStore.Commands;

/// <summary>Walking through a collection: HSCAN, SSCAN, ZSCAN key cursor [MATCH pattern] [COUNT n]. A small collection comes at once.</summary>
internal static class MemberScan
{
    private const int DefaultCount = 10;
    private const int MostCount = 10_000;

    public static void Hash(CommandContext c)
    {
        if (!TryBegin<KvHash>(c, out var hash, out var cursor, out var pattern, out var count) || hash is null) return;
        var places = new List<long>();
        var next = hash.Scan(cursor, count, places);
        places.RemoveAll(place => !Fits(c, pattern, hash.MemberAt(place)));
        Head(c, next, places.Count * 2);
        foreach (var place in places)
        {
            c.Reply.Bulk(hash.MemberAt(place));
            c.Reply.Bulk(hash.ValueAt(place));
        }
    }

    public static void Set(CommandContext c)
    {
        if (!TryBegin<KvSet>(c, out var set, out var cursor, out var pattern, out var count) || set is null) return;
        var places = new List<long>();
        var next = set.Scan(cursor, count, places);
        places.RemoveAll(place => !Fits(c, pattern, set.MemberAt(place)));
        Head(c, next, places.Count);
        foreach (var place in places) c.Reply.Bulk(set.MemberAt(place));
    }

    public static void SortedSet(CommandContext c)
    {
        if (!TryBegin<KvSortedSet>(c, out var set, out var cursor, out var pattern, out var count) || set is null) return;
        var blocks = new List<long>();
        var next = set.Scan(cursor, count, blocks);
        blocks.RemoveAll(block => !Fits(c, pattern, set.MemberIn(block)));
        Head(c, next, blocks.Count * 2);
        foreach (var block in blocks)
        {
            c.Reply.Bulk(set.MemberIn(block));
            c.Reply.Bulk(Protocol.Numbers.FormatScore(set.ScoreOf(block)));
        }
    }

    // A missing key is answered here.
    private static bool TryBegin<TValue>(CommandContext c, out TValue? value, out ulong cursor, out int pattern, out int count) where TValue : KvValue
    {
        (value, pattern, count) = (null, 0, DefaultCount);
        if (!ulong.TryParse(c[2], NumberStyles.None, CultureInfo.InvariantCulture, out cursor))
        {
            c.Reply.Error("ERR invalid cursor"u8);
            return false;
        }
        if (!c.TryFind(1, out value, isRead: true)) return false;
        if (value is null)
        {
            Head(c, 0, 0);
            return false;
        }
        for (var i = 3; i < c.Count; i += 2)
        {
            var hasValue = i + 1 < c.Count;
            if (hasValue && c.Is(i, "match"))
            {
                pattern = i + 1;
                continue;
            }
            var wanted = 0L;
            if (hasValue && c.Is(i, "count") && !c.TryInteger(i + 1, out wanted)) return false;
            if (wanted < 1)
            {
                c.Reply.Error(Errors.Syntax);
                return false;
            }
            count = (int)Math.Min(wanted, MostCount);
        }
        return true;
    }

    private static bool Fits(CommandContext c, int pattern, ReadOnlySpan<byte> member) => pattern == 0 || Glob.Matches(c[pattern], member);

    private static void Head(CommandContext c, ulong cursor, int count)
    {
        c.Reply.Array(2);
        c.Reply.Bulk(cursor.ToString(CultureInfo.InvariantCulture));
        c.Reply.Array(count);
    }
}
