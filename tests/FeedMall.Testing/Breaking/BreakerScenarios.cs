using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;

namespace FeedMall.Testing.Breaking;

/// <summary>The three questions to a breaker of ALGORITHMS §2.6.</summary>
public static class BreakerScenarios
{
    /// <summary>The default kind.</summary>
    public const string Recommended = "recommended";

    /// <summary>The plain kind with its defaults.</summary>
    public const string Plain = "plain, K 1.67, 3 s";

    /// <summary>The plain kind with the SRE book's K.</summary>
    public const string PlainK2 = "plain, K 2, 3 s";

    /// <summary>The plain kind with the recommended one's K and window: what the refinements are for.</summary>
    public const string PlainLong = "plain, K 1.5, 10 s";

    /// <summary>All kinds by the name of their column.</summary>
    public static IReadOnlyDictionary<string, Func<TimeProvider, IChance, Breaker>> Kinds { get; } = new Dictionary<string, Func<TimeProvider, IChance, Breaker>>
    {
        [Recommended] = (clock, chance) => new SreBreaker(new SreBreakerOptions(), clock, chance),
        [Plain] = (clock, chance) => new PlainSreBreaker(new PlainSreBreakerOptions(), clock, chance),
        [PlainK2] = (clock, chance) => new PlainSreBreaker(new PlainSreBreakerOptions { K = 2 }, clock, chance),
        [PlainLong] = (clock, chance) =>
            new PlainSreBreaker(new PlainSreBreakerOptions { K = 1.5, Window = TimeSpan.FromSeconds(10), Buckets = 40 }, clock, chance),
    };

    /// <summary>What the limited target does per second.</summary>
    public const double Capacity = 50;

    /// <summary>What is offered to the limited and the flaky target per second.</summary>
    public const double Rate = 200;

    /// <summary>The outage: from this second…</summary>
    public const int OutageFrom = 10;

    /// <summary>… to this one.</summary>
    public const int OutageTo = 30;

    /// <summary>A: 200 calls/s to a target that does 50. 120 s; take the last 60.</summary>
    public static BreakerRun Limited(string kind, int seed = 1) => BreakerSimulation.Run(Kinds[kind], new LimitedTarget(Capacity), Rate, 120, seed);

    /// <summary>B: 200 calls/s to a target that does a share of them by chance. 120 s; take the last 60.</summary>
    public static BreakerRun Flaky(string kind, double share, int seed = 1) => BreakerSimulation.Run(Kinds[kind], new FlakyTarget(share), Rate, 120, seed);

    /// <summary>C: a target that is dead for 20 s. 180 s.</summary>
    public static BreakerRun Outage(string kind, double perSecond, int seed = 1) =>
        BreakerSimulation.Run(Kinds[kind], new DeadTarget(OutageFrom, OutageTo), perSecond, 180, seed);
}
