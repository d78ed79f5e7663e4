using FeedMall.Resilience.Queueing;

namespace FeedMall.Benchmarks.Overload;

/// <summary>One request of an open loop.</summary>
/// <param name="At">When it is to be sent, in ticks of TimeSpan after the start. Its time counts from here, whenever it was really sent.</param>
/// <param name="Tier">How much it matters.</param>
/// <param name="Client">Who asks; clients differ by address.</param>
internal readonly record struct Arrival(long At, Criticality Tier, int Client);

/// <summary>Requests whose times are fixed before the first one is sent: at random distances (a Poisson process), however the server fares. The same for the same seed.</summary>
internal static class Arrivals
{
    /// <summary>Of requests, in per mille, by tier from critical_plus to sheddable.</summary>
    public static readonly int[] Mix = [50, 450, 250, 250];

    /// <summary>How many different clients ask.</summary>
    public const int Clients = 20_000;

    public static Arrival[] Plan(double perSecond, TimeSpan duration, int seed)
    {
        var random = new Random(seed);
        var arrivals = new List<Arrival>((int)(perSecond * duration.TotalSeconds * 1.1) + 16);
        double seconds = 0;
        while ((seconds += -Math.Log(1 - random.NextDouble()) / perSecond) < duration.TotalSeconds)
            arrivals.Add(new Arrival((long)(seconds * TimeSpan.TicksPerSecond), TierOf(random.Next(1000)), random.Next(Clients)));
        return [.. arrivals];
    }

    private static Criticality TierOf(int draw)
    {
        var tier = 0;
        while (draw >= Mix[tier]) draw -= Mix[tier++];
        return (Criticality)tier;
    }
}
