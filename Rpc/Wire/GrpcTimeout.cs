using System.Globalization;

namespace FeedMall.Rpc.Wire;

/// <summary>The grpc-timeout header (spec §7.2): one to eight digits and one unit of H M S m u n.</summary>
internal static class GrpcTimeout
{
    /// <summary>What longer times are cut to when they are read, so that no arithmetic overflows.</summary>
    public static readonly TimeSpan Max = TimeSpan.FromDays(30);

    private const long MaxValue = 99_999_999;
    private const int MaxDigits = 8;

    /// <summary>The shortest unit in which the time has at most eight digits, rounded up so that the callee never gives up first.</summary>
    /// <param name="nanoseconds">More than 0: a call without time left is not sent.</param>
    public static string Encode(long nanoseconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(nanoseconds);
        foreach (var unit in "numSM")
        {
            var value = In(unit, nanoseconds);
            if (value <= MaxValue) return value.ToString(CultureInfo.InvariantCulture) + unit;
        }
        return In('H', nanoseconds).ToString(CultureInfo.InvariantCulture) + 'H';
    }

    /// <summary>The same from a time span.</summary>
    public static string Encode(TimeSpan timeout) => Encode(Math.Min(timeout.Ticks, Max.Ticks) * TimeSpan.NanosecondsPerTick);

    /// <summary>Reads any legal form; false for an illegal one.</summary>
    public static bool TryDecode(string? text, out TimeSpan timeout)
    {
        timeout = default;
        if (text is not { Length: >= 2 and <= MaxDigits + 1 } || Nanoseconds(text[^1]) is not (> 0 and var unit)) return false;
        if (!long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value)) return false;
        // Rounded up: less than one tick of time is little, but it is not none.
        var ticks = ((Int128)value * unit + TimeSpan.NanosecondsPerTick - 1) / TimeSpan.NanosecondsPerTick;
        timeout = ticks > Max.Ticks ? Max : new TimeSpan((long)ticks);
        return true;
    }

    private static long In(char unit, long nanoseconds)
    {
        var (whole, rest) = Math.DivRem(nanoseconds, Nanoseconds(unit));
        return rest == 0 ? whole : whole + 1;
    }

    private static long Nanoseconds(char unit) => unit switch
    {
        'n' => 1,
        'u' => 1_000,
        'm' => 1_000_000,
        'S' => 1_000_000_000,
        'M' => 60_000_000_000,
        'H' => 3_600_000_000_000,
        _ => 0,
    };
}
