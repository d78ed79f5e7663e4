using System.Runtime.InteropServices;
using FeedMall.Resilience.Balancing;

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
    public int Of(ReadOnlySpan<char> user) => Deal(Fnv1a.Hash64(MemoryMarshal.AsBytes(user)));

    /// <summary>The cohort of a user now, for users with numbers.</summary>
    public int Of(long user) => Deal(Fnv1a.Mix(unchecked((ulong)user)));

    private int Deal(ulong hash)
    {
        var deal = unchecked((ulong)(clock.GetUtcNow().Ticks / _rotation));
        return (int)(Fnv1a.Mix(hash ^ Fnv1a.Mix(deal + 0x9E3779B97F4A7C15UL)) % Count);
    }
}
