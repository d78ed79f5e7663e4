using System.Diagnostics.CodeAnalysis;
using FeedMall.Resilience.Windows;

namespace FeedMall.Resilience.Breaking;

/// <summary>Settings of <see cref="SreBreaker"/>. Window: default 10 s in 40 slots. K: default 1.5.</summary>
public sealed record SreBreakerOptions : BreakerOptions
{
    /// <summary>The defaults.</summary>
    [SetsRequiredMembers]
    public SreBreakerOptions() => (Window, Buckets, K) = (TimeSpan.FromSeconds(10), 40, 1.5);

    /// <summary>What K has shrunk to when nothing was done in the whole window. More than 1, to K; default 1.1.</summary>
    public double MinK { get; init; } = 1.1;

    /// <summary>So many failures count for nothing, so that single ones at a low rate drop no call. 0 to 1000; default 5.</summary>
    public int Protection { get; init; } = 5;

    /// <summary>While throttling, a call is let through when none was for longer than this. 10 ms to 10 min, or infinite for never; default 1 s.</summary>
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromSeconds(1);

    internal override TimeSpan ProbeAfter => ProbeInterval;

    /// <inheritdoc/>
    public override void Check()
    {
        base.Check();
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(MinK, 1, nameof(MinK));
        Within(MinK, 1, K, nameof(MinK));
        Within(Protection, 0, 1000, nameof(Protection));
        if (ProbeInterval != Timeout.InfiniteTimeSpan) Within(ProbeInterval, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(10), nameof(ProbeInterval));
    }
}

/// <summary>
/// The default: <c>p = (requests − protection − k · accepts) / (requests + 1) · (1 − working / buckets)</c>. Throttles as the plain formula does, and
/// is back about as soon as the window is long, not minutes later. (ALGORITHMS §2.2, §2.7.)
/// </summary>
/// <remarks>
/// <para>k goes from K to MinK the longer the target has done nothing at all: failing = slots with failures since the last success.</para>
/// <para>working = slots with successes since the last failure: a target that has been well for a while gets its calls back, whatever the window says.</para>
/// <para>A probe each second finds out that it is well again, where the plain formula at p ≈ 1 waits for luck.</para>
/// </remarks>
public sealed class SreBreaker(SreBreakerOptions options, TimeProvider clock, IChance chance) : Breaker<SreBreakerOptions>(options, clock, chance)
{
    internal override double DropProbability(in OutcomeTally tally)
    {
        var options = Options;
        var requests = tally.Requests;
        if (requests < options.MinRequests) return 0;
        var k = Math.Max(options.MinK, options.K - (options.K - options.MinK) * tally.Failing / options.Buckets);
        var surplus = requests - options.Protection - k * tally.Successes;
        // A tally that was read just before the options changed may be of more buckets.
        var working = Math.Min(tally.Working, options.Buckets);
        return surplus <= 0 ? 0 : surplus / (requests + 1) * (options.Buckets - working) / options.Buckets;
    }
}
