namespace FeedMall.KvStore.Commands;

/// <summary>Times as commands spell them.</summary>
internal static class Expiry
{
    /// <summary>Reads a time that must lie after zero, as SET and its like want it; replies when it cannot.</summary>
    /// <param name="c">The context.</param>
    /// <param name="at">The argument.</param>
    /// <param name="unitMs">1000 for seconds.</param>
    /// <param name="isRelative">From now on, or since 1970.</param>
    /// <param name="expireAt">Unix ms.</param>
    public static bool TryRead(CommandContext c, int at, long unitMs, bool isRelative, out long expireAt) =>
        TryReadAny(c, at, unitMs, isRelative, mustBePositive: true, out expireAt);

    /// <summary>Reads a time that may lie in the past, as EXPIRE and its like want it; replies when it cannot.</summary>
    public static bool TryReadAny(CommandContext c, int at, long unitMs, bool isRelative, bool mustBePositive, out long expireAt)
    {
        expireAt = 0;
        if (!c.TryInteger(at, out var time)) return false;
        var start = isRelative ? c.NowMs : 0;
        var isInRange = time >= -(long.MaxValue / unitMs) && time <= long.MaxValue / unitMs && time * unitMs < long.MaxValue - start && (time > 0 || !mustBePositive);
        if (!isInRange) c.Reply.Error($"ERR invalid expire time in '{c.Command.Name}' command");
        else expireAt = time * unitMs + start;
        return isInRange;
    }
}
