using System.Runtime.InteropServices;

namespace FeedMall.Resilience.Queueing;

/// <summary>
/// Puts users into cohorts of about the same size. During one overload the same cohorts are refused: a user's ten requests all succeed or none does, where one request
/// in ten refused by chance would spoil every user's page. After the rotation time the cohorts are dealt anew, so that nobody is always the last. All copies
/// of a service deal alike.
/// </summary>
/// <param name="rotation">Between two deals; hour by default.</param>
/// <param name="clock">Of which the wall clock counts, because all copies must agree.</param>
public sealed class UserCohort(TimeSpan rotation, TimeProvider clock)
{
    /// <summary>Cohorts are numbered from 0, refused last, to one less than this.</summary>
    public const int Count = 64;

    private readonly long _rotation = rotation >= TimeSpan.FromMinutes(1) && rotation <= TimeSpan.FromDays(7)
        ? rotation.Ticks : throw new ArgumentOutOfRangeException(nameof(rotation), rotation, "1 minute to 7 days");

    /// <summary>Deals anew each hour.</summary>
    public UserCohort(TimeProvider clock) : this(TimeSpan.FromHours(1), clock) { }

    /// <summary>The cohort of a user now.</summary>
    public int Of(ReadOnlySpan<char> user)
    {
        // FNV-1a over the bytes of the text, then the finish of MurmurHash3: FNV alone leaves the upper bits of short texts alike.
        var hash = 14695981039346656037UL;
        foreach (var part in MemoryMarshal.AsBytes(user)) hash = (hash ^ part) * 1099511628211UL;
        return Deal(hash);
    }

    /// <summary>The cohort of a user now, for users with numbers.</summary>
    public int Of(long user) => Deal(Mix(unchecked((ulong)user)));

    private int Deal(ulong hash)
    {
        var deal = unchecked((ulong)(clock.GetUtcNow().Ticks / _rotation));
        return (int)(Mix(hash ^ Mix(deal + 0x9E3779B97F4A7C15UL)) % Count);
    }

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 33)) * 0xFF51AFD7ED558CCDUL;
        value = (value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53UL;
        return value ^ (value >> 33);
    }
}
