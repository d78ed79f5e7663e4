using FeedMall.KvStore.Data;
using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Commands;

/// <summary>Members by chance: SPOP, SRANDMEMBER, HRANDFIELD.</summary>
internal static class RandomMembers
{
    public static void SetMembers(CommandContext c) => Sample<KvSet>(c, withValues: false);

    public static void HashFields(CommandContext c)
    {
        if (c.Count > 4 || (c.Count == 4 && !c.Is(3, "withvalues"))) c.Reply.Error(Errors.Syntax);
        else Sample<KvHash>(c, withValues: c.Count == 4);
    }

    /// <summary>SPOP key [count].</summary>
    public static void Pop(CommandContext c)
    {
        var count = 1L;
        if (c.Count > 3)
        {
            c.Reply.Error(Errors.Syntax);
            return;
        }
        if (c.Count == 3 && (!Numbers.TryParseInteger(c[2], out count) || count < 0))
        {
            c.Reply.Error(Errors.NotPositive);
            return;
        }
        if (!c.TryFind<KvSet>(1, out var set)) return;
        if (c.Count == 2)
        {
            if (set is null) c.Reply.Nil();
            else PopOne(c, set);
            return;
        }
        var popped = set is null ? [] : Choose(set, count);
        c.Reply.Set(popped.Count);
        var members = new List<byte[]>(popped.Count);
        foreach (var place in popped) members.Add(set!.MemberAt(place).ToArray());
        foreach (var member in members)
        {
            c.Reply.Bulk(member);
            set!.Remove(member);
        }
        if (members.Count > 0) c.Changed(1, set!);
    }

    private static void PopOne(CommandContext c, KvSet set)
    {
        var member = set.MemberAt(set.Random());
        c.Reply.Bulk(member);
        // Taking it out moves the others, and the block may be used again.
        set.Remove(member.Length <= 256 ? Copy(member, stackalloc byte[256]) : member.ToArray());
        c.Changed(1, set);
    }

    private static ReadOnlySpan<byte> Copy(ReadOnlySpan<byte> member, Span<byte> room)
    {
        member.CopyTo(room);
        return room[..member.Length];
    }

    // key [count [WITHVALUES]]: below zero means that a member may come more than once.
    private static void Sample<TMap>(CommandContext c, bool withValues) where TMap : KvMap
    {
        if (c.Count > 4 || (c.Count == 4 && !withValues))
        {
            c.Reply.Error(Errors.Syntax);
            return;
        }
        var count = 0L;
        if (c.Count > 2 && !c.TryInteger(2, out count)) return;
        if (count == long.MinValue)
        {
            c.Reply.Error("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"u8);
            return;
        }
        if (withValues && count is < long.MinValue / 2 or > long.MaxValue / 2)
        {
            c.Reply.Error("ERR value is out of range"u8);
            return;
        }
        if (!c.TryFind<TMap>(1, out var map, isRead: true)) return;
        if (c.Count == 2)
        {
            if (map is null) c.Reply.Nil();
            else c.Reply.Bulk(map.MemberAt(map.Random()));
            return;
        }
        if (map is null) c.Reply.Array(0);
        else if (count >= 0) ReplyAll(c, map, Choose(map, count), withValues);
        else ReplyRepeated(c, map, -count, withValues);
    }

    private static void ReplyRepeated(CommandContext c, KvMap map, long count, bool withValues)
    {
        // The same member may come any number of times, so a few bytes of command could hold everybody up for seconds.
        if (count > c.Engine.Settings.Start.MaxArguments)
        {
            c.Reply.Error("ERR value is out of range"u8);
            return;
        }
        Head(c, count, withValues);
        for (; count > 0; count--) ReplyOne(c, map, map.Random(), withValues);
    }

    private static void ReplyAll(CommandContext c, KvMap map, List<long> places, bool withValues)
    {
        Head(c, places.Count, withValues);
        foreach (var place in places) ReplyOne(c, map, place, withValues);
    }

    private static void Head(CommandContext c, long count, bool withValues) => c.Reply.Array(withValues && c.Reply.Protocol == 2 ? count * 2 : count);

    private static void ReplyOne(CommandContext c, KvMap map, long place, bool withValues)
    {
        if (withValues && c.Reply.Protocol == 3) c.Reply.Array(2);
        c.Reply.Bulk(map.MemberAt(place));
        if (withValues) c.Reply.Bulk(map.ValueAt(place));
    }

    // Different places: few of many by trying, otherwise the first of a shuffle.
    private static List<long> Choose(KvMap map, long count)
    {
        var wanted = (int)Math.Min(count, map.Count);
        if (wanted < map.Count / 4)
        {
            var chosen = new HashSet<long>();
            while (chosen.Count < wanted) chosen.Add(map.Random());
            return [.. chosen];
        }
        var places = new List<long>(map.Count);
        for (var position = 0L; map.Next(ref position) is var place and not 0;) places.Add(place);
        for (var i = 0; i < wanted && wanted < places.Count; i++)
        {
            var other = i + (int)(map.Chance() * (places.Count - i));
            (places[i], places[other]) = (places[other], places[i]);
        }
        places.RemoveRange(wanted, places.Count - wanted);
        return places;
    }
}
