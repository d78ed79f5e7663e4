namespace FeedMall.KvStore.Commands;

/// <summary>
/// Redis' patterns: * any letters, ? one, [abc] [a-c] [^a] one of a class, \x the letter x. Takes time of pattern × text at most: only the last star is
/// ever tried again.
/// </summary>
internal static class Glob
{
    public static bool Matches(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> text)
    {
        int p = 0, t = 0, star = -1, starText = 0;
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, starText) = (p++, t);
            }
            else if (p < pattern.Length && TryOne(pattern, p, text[t], out var next))
            {
                (p, t) = (next, t + 1);
            }
            else if (star >= 0)
            {
                (p, t) = (star + 1, ++starText);
            }
            else
            {
                return false;
            }
        }
        while (p < pattern.Length && pattern[p] == '*') p++;
        return p == pattern.Length;
    }

    private static bool TryOne(ReadOnlySpan<byte> pattern, int at, byte letter, out int next)
    {
        next = at + 1;
        switch (pattern[at])
        {
            case (byte)'?':
                return true;
            case (byte)'[':
                return InClass(pattern, at + 1, letter, out next);
            case (byte)'\\' when at + 1 < pattern.Length:
                next = at + 2;
                return pattern[at + 1] == letter;
            default:
                return pattern[at] == letter;
        }
    }

    // A class that is not closed goes to the end of the pattern.
    private static bool InClass(ReadOnlySpan<byte> pattern, int at, byte letter, out int next)
    {
        var isNot = at < pattern.Length && pattern[at] == '^';
        if (isNot) at++;
        var isIn = false;
        for (; at < pattern.Length && pattern[at] != ']'; at++)
        {
            if (pattern[at] == '\\' && at + 1 < pattern.Length)
            {
                isIn |= pattern[++at] == letter;
            }
            else if (at + 2 < pattern.Length && pattern[at + 1] == '-')
            {
                var (low, high) = (Math.Min(pattern[at], pattern[at + 2]), Math.Max(pattern[at], pattern[at + 2]));
                isIn |= letter >= low && letter <= high;
                at += 2;
            }
            else
            {
                isIn |= pattern[at] == letter;
            }
        }
        next = Math.Min(at + 1, pattern.Length);
        return isIn != isNot;
    }
}
