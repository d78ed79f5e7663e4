using System.Diagnostics.CodeAnalysis;
using FeedMall.Resilience.Windows;

namespace FeedMall.Resilience.Breaking;

/// <summary>Settings of <see cref="PlainSreBreaker"/>. Window: default 3 s in 10 slots. K: default 1 / 0.6, that is, it drops below 60 % of successes.</summary>
public sealed record PlainSreBreakerOptions : BreakerOptions
{
    /// <summary>The defaults.</summary>
    [SetsRequiredMembers]
    public PlainSreBreakerOptions() => (Window, Buckets, K) = (TimeSpan.FromSeconds(3), 10, 1 / 0.6);
}

/// <summary>
/// The formula of the SRE book alone: <c>p = max(0, (requests − K · accepts) / (requests + 1))</c>. Easy to reckon with, but after an outage it waits for
/// lucky calls and needs several windows to recover: keep the window short. (ALGORITHMS §2.1.)
/// </summary>
public sealed class PlainSreBreaker(PlainSreBreakerOptions options, TimeProvider clock, IChance chance) : Breaker<PlainSreBreakerOptions>(options, clock, chance)
{
    internal override double DropProbability(in OutcomeTally tally)
    {
        var options = Options;
        var requests = tally.Requests;
        if (requests < options.MinRequests) return 0;
        return Math.Max(0, (requests - options.K * tally.Successes) / (requests + 1));
    }
}
