using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Testing.Balancing;

namespace FeedMall.Testing.Breaking;

/// <summary>A target of calls: answers at once, well or not.</summary>
public abstract class SimulatedTarget
{
    /// <summary>True: the call is done.</summary>
    public abstract bool Answers(double seconds, Random random);
}

/// <summary>Does so many calls per second and refuses the rest at once.</summary>
public sealed class LimitedTarget(double perSecond) : SimulatedTarget
{
    // What may run together; small, so that the target does its capacity in every tenth of a second.
    private readonly double _burst = perSecond / 10;
    private double _tokens = perSecond / 10;
    private double _at;

    /// <inheritdoc/>
    public override bool Answers(double seconds, Random random)
    {
        _tokens = Math.Min(_burst, _tokens + (seconds - _at) * perSecond);
        _at = seconds;
        if (_tokens < 1) return false;
        _tokens--;
        return true;
    }
}

/// <summary>Does this share of the calls, by chance.</summary>
public sealed class FlakyTarget(double share) : SimulatedTarget
{
    /// <inheritdoc/>
    public override bool Answers(double seconds, Random random) => random.NextDouble() < share;
}

/// <summary>Does nothing between two times, and everything else.</summary>
public sealed class DeadTarget(double from, double to) : SimulatedTarget
{
    /// <inheritdoc/>
    public override bool Answers(double seconds, Random random) => seconds < from || seconds >= to;
}

/// <summary>One second of a run. Offered = Ok + Failed + Dropped.</summary>
/// <param name="Offered">Calls that callers wanted to make.</param>
/// <param name="Ok">Done.</param>
/// <param name="Failed">Reached the target in vain.</param>
/// <param name="Dropped">Not tried.</param>
public readonly record struct BreakerSecond(int Offered, int Ok, int Failed, int Dropped);

/// <summary>What came out, second by second.</summary>
public sealed class BreakerRun(IReadOnlyList<BreakerSecond> seconds)
{
    /// <summary>From the start on.</summary>
    public IReadOnlyList<BreakerSecond> Seconds => seconds;

    /// <summary>The sum over the seconds from one (inclusive) to another (exclusive).</summary>
    public BreakerSecond Between(int from, int to) => seconds.Take(from..to).Aggregate(default(BreakerSecond), (sum, second) =>
        new(sum.Offered + second.Offered, sum.Ok + second.Ok, sum.Failed + second.Failed, sum.Dropped + second.Dropped));

    /// <summary>Percent of the calls offered between two seconds.</summary>
    public double Percent(Func<BreakerSecond, int> of, int from, int to)
    {
        var sum = Between(from, to);
        return 100.0 * of(sum) / sum.Offered;
    }

    /// <summary>Seconds after this one until less than 1 % of the calls is dropped for three seconds. Null: not within the run.</summary>
    public int? RecoveredAfter(int from) => First(from, second => Percent(sum => sum.Dropped, second, second + 3) < 1);

    /// <summary>Seconds after this one until the first one in which more than half of the calls is dropped has passed. Null: never.</summary>
    public int? TrippedAfter(int from) => First(from, second => Percent(sum => sum.Dropped, second, second + 1) > 50) + 1;

    private int? First(int from, Func<int, bool> holds) =>
        Enumerable.Range(from, Math.Max(0, seconds.Count - 2 - from)).Where(holds).Select(second => (int?)(second - from)).FirstOrDefault();
}

/// <summary>
/// Calls at random distances (Poisson) through a real breaker to a target, in virtual time. Arrivals, the target and the breaker have chance of their own
/// with fixed seeds, so a run repeats exactly and all breakers see the same arrivals.
/// </summary>
public static class BreakerSimulation
{
    /// <summary>One run.</summary>
    public static BreakerRun Run(Func<TimeProvider, IChance, Breaker> create, SimulatedTarget target, double perSecond, int seconds, int seed = 1)
    {
        var clock = new VirtualClock();
        var breaker = create(clock, new TestChance { Seed = seed });
        var arrivals = new Random(seed + 1);
        var work = new Random(seed + 2);
        var counts = new BreakerSecond[seconds];
        for (var at = Next(0); at < seconds; at = Next(at))
        {
            clock.GoTo((long)(at * VirtualClock.PerSecond));
            ref var second = ref counts[(int)at];
            using var permit = breaker.TryEnter();
            var isOk = permit.IsAdmitted && target.Answers(at, work);
            permit.Complete(isOk ? Outcome.Success : Outcome.Failure);
            second = new(second.Offered + 1, second.Ok + (isOk ? 1 : 0), second.Failed + (permit.IsAdmitted && !isOk ? 1 : 0),
                second.Dropped + (permit.IsAdmitted ? 0 : 1));
        }
        return new BreakerRun(counts);

        double Next(double after) => after + BalancingScenario.Exponential(1 / perSecond, arrivals);
    }
}
