using System.Globalization;
using System.Text;
using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Resilience.Gates;
using FeedMall.Testing.Balancing;

namespace FeedMall.Testing.Breaking;

/// <summary>One second of a run with a standby.</summary>
/// <param name="Offered">Calls that callers wanted to make.</param>
/// <param name="Primary">Done by the primary.</param>
/// <param name="Standby">Done by the standby.</param>
/// <param name="Failed">Reached the primary in vain.</param>
/// <param name="Refused">Turned away by both.</param>
/// <param name="MostAtStandby">Most calls that were at the standby at once.</param>
public readonly record struct GutterSecond(int Offered, int Primary, int Standby, int Failed, int Refused, int MostAtStandby);

/// <summary>
/// A primary that is dead for 20 s and its standby of a tenth of its size, in virtual time: 200 calls/s, 40 ms each at either, and room for 1 at the
/// standby, which is 25/s. A call that fails at the primary fails: it is not made again.
/// </summary>
public static class GutterSimulation
{
    private const double WorkSeconds = 0.04;
    private const int Seconds = 60;

    /// <summary>Places at the standby.</summary>
    public const int Places = 1;

    /// <summary>One run, second by second.</summary>
    public static IReadOnlyList<GutterSecond> Run(int seed = 1)
    {
        var clock = new VirtualClock();
        var target = new DeadTarget(BreakerScenarios.OutageFrom, BreakerScenarios.OutageTo);
        var limit = new Room(clock);
        var pair = new GutterPair(new SreBreaker(new SreBreakerOptions(), clock, new TestChance { Seed = seed }),
            new SreBreaker(new SreBreakerOptions(), clock, new TestChance { Seed = seed + 1 }), limit);
        var arrivals = new Random(seed + 2);
        var seconds = new GutterSecond[Seconds];
        var ends = new PriorityQueue<Action, double>();
        for (var at = Next(0); at < Seconds; at = Next(at))
        {
            while (ends.TryPeek(out var end, out var when) && when <= at)
            {
                ends.Dequeue();
                clock.GoTo((long)(when * VirtualClock.PerSecond));
                end();
            }
            clock.GoTo((long)(at * VirtualClock.PerSecond));
            var permit = pair.TryEnter();
            var isOk = permit.Target == GutterTarget.Standby || (permit.Target == GutterTarget.Primary && target.Answers(at, arrivals));
            ref var second = ref seconds[(int)at];
            second = Count(second, permit.Target, isOk, limit.InFlight);
            if (permit.IsAdmitted) ends.Enqueue(() => permit.Complete(isOk ? Outcome.Success : Outcome.Failure), at + WorkSeconds);
        }
        return seconds;

        double Next(double after) => after + BalancingScenario.Exponential(1 / BreakerScenarios.Rate, arrivals);
    }

    /// <summary>The run as a Markdown table.</summary>
    public static string Describe()
    {
        var text = new StringBuilder("| second | offered | done by the primary | done by the standby | reached the primary in vain | refused |\n| ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var (number, second) in Run().Index().Where(entry => entry.Index is >= 8 and <= 48 && entry.Index % 2 == 0))
        {
            text.Append(CultureInfo.InvariantCulture,
                $"\n| {number} | {second.Offered} | {second.Primary} | {second.Standby} | {second.Failed} | {second.Refused} |");
        }
        return text.ToString();
    }

    private static GutterSecond Count(GutterSecond second, GutterTarget target, bool isOk, int atStandby) => new(
        second.Offered + 1,
        second.Primary + (target == GutterTarget.Primary && isOk ? 1 : 0),
        second.Standby + (target == GutterTarget.Standby ? 1 : 0),
        second.Failed + (target == GutterTarget.Primary && !isOk ? 1 : 0),
        second.Refused + (target == GutterTarget.None ? 1 : 0),
        Math.Max(second.MostAtStandby, atStandby));

    // The standby's own limit: so many at once.
    private sealed class Room(TimeProvider clock) : Gate(clock)
    {
        public int InFlight { get; private set; }

        protected override Reason TryAdmit(long now)
        {
            if (InFlight >= Places) return Reason.BulkheadFull;
            InFlight++;
            return Reason.None;
        }

        protected override void AdmitAnyway(long now) => InFlight++;

        protected override void OnCompleted(long admittedAt, long now, Outcome outcome) => InFlight--;
    }
}
