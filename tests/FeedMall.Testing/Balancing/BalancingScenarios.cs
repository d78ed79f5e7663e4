using static FeedMall.Testing.Balancing.BalancingScenario;

namespace FeedMall.Testing.Balancing;

/// <summary>
/// The scenarios that balancers are measured with. Unless said otherwise: 10 servers with 4 workers of 10 ms (4000 requests/s in all), and one client.
/// Server 0 is the odd one.
/// </summary>
public static class BalancingScenarios
{
    private static readonly Figure s_p50 = new("p50 ms", run => run.Percentile(0.5), "0.0");
    private static readonly Figure s_p99 = new("p99 ms", run => run.Percentile(0.99), "0.0");
    private static readonly Figure s_errors = new("errors %", run => run.ErrorPercent);
    private static readonly Figure s_share = new("share of server 0", run => run.Share(0));

    /// <summary>All servers alike.</summary>
    public static BalancingScenario Equal { get; } = new("equal servers, 2000/s", 15)
    {
        RatePerSecond = _ => 2000,
        Figures = [s_p50, s_p99, s_share],
    };

    /// <summary>One is slow, and drowns in its fair share.</summary>
    public static BalancingScenario Slow { get; } = new("server 0 is 5 × slower, 1500/s", 15)
    {
        RatePerSecond = _ => 1500,
        Work = (server, _, random) => new Work(Exponential(server == 0 ? 50 : 10, random)),
        Figures = [s_p99, s_share],
    };

    /// <summary>One fails at once, and so never has much in flight.</summary>
    public static BalancingScenario FailsFast { get; } = new("server 0 fails after 1 ms, 1500/s", 15)
    {
        RatePerSecond = _ => 1500,
        Work = (server, _, random) => server == 0 ? new Work(1, Succeeds: false, NeedsWorker: false) : new Work(Exponential(10, random)),
        Figures = [s_errors, s_share],
    };

    /// <summary>One fails at once for 20 s and is well afterwards.</summary>
    public static BalancingScenario Heals { get; } = new("server 0 fails after 1 ms until 20 s, then is well, 1500/s", 60)
    {
        RatePerSecond = _ => 1500,
        Work = (server, at, random) =>
            server == 0 && at < 20 ? new Work(1, Succeeds: false, NeedsWorker: false) : new Work(Exponential(10, random)),
        Figures =
        [
            new("share of server 0, 20–25 s", run => run.Share(0, 20, 25)),
            new("share of server 0, 25–30 s", run => run.Share(0, 25, 30)),
            new("share of server 0, 30–50 s", run => run.Share(0, 30, 50)),
            new("share of server 0, from 50 s", run => run.Share(0, 50)),
        ],
    };

    /// <summary>An eleventh server joins and is as good as the others at once.</summary>
    public static BalancingScenario Joins { get; } = new("server 10 joins at 10 s, 2000/s", 35)
    {
        RatePerSecond = _ => 2000,
        Changes = [(10, cluster => cluster.Join(1))],
        Figures =
        [
            new("share of server 10, 10–12 s", run => run.Share(10, 10, 12)),
            new("share of server 10, 15–17 s", run => run.Share(10, 15, 17)),
            new("share of server 10, from 25 s", run => run.Share(10, 25)),
        ],
    };

    /// <summary>An eleventh server joins, 8 × slower at first and well after 5 s, as a program that is still compiling and filling its caches.</summary>
    public static BalancingScenario JoinsCold { get; } = new("server 10 joins cold at 5 s, 2000/s", 20)
    {
        RatePerSecond = _ => 2000,
        Work = (server, at, random) => new Work(Exponential(server == 10 ? 10 * (1 + 7 * Math.Max(0, 1 - (at - 5) / 5)) : 10, random)),
        Changes = [(5, cluster => cluster.Join(1))],
        Figures = [s_p99, new("p99.9 ms", run => run.Percentile(0.999), "0.0")],
    };

    /// <summary>One fails half of its requests.</summary>
    public static BalancingScenario HalfFails { get; } = new("server 0 fails every second request, 1500/s", 15)
    {
        RatePerSecond = _ => 1500,
        Work = (server, _, random) => new Work(Exponential(10, random), Succeeds: server != 0 || random.NextDouble() >= 0.5),
        Figures = [s_errors, s_share],
    };

    /// <summary>Delays on the network that say nothing about the servers.</summary>
    public static BalancingScenario Jitter { get; } = new("0–5 ms of network each way, 2000/s", 15)
    {
        RatePerSecond = _ => 2000,
        NetworkMilliseconds = 5,
        Figures = [s_p50, s_p99, s_share],
    };

    /// <summary>Any server may be hit by a request that takes 20 × as long.</summary>
    public static BalancingScenario LongTail { get; } = new("1 % of the requests take 20 × as long, 1500/s", 30)
    {
        RatePerSecond = _ => 1500,
        Work = (_, _, random) => new Work(Exponential(random.NextDouble() < 0.01 ? 200 : 10, random)),
        Figures = [s_p50, s_p99, s_share],
    };

    /// <summary>From a quarter of what the servers can do to 85 % and back.</summary>
    public static BalancingScenario LoadJump { get; } = new("1000/s, 3400/s from 5 to 10 s, 1000/s", 15)
    {
        RatePerSecond = at => at is >= 5 and < 10 ? 3400 : 1000,
        Figures = [s_p50, s_p99, s_share],
    };

    /// <summary>Clients that know nothing of each other's calls.</summary>
    public static BalancingScenario ManyClients { get; } = new("50 clients, server 0 is 3 × slower, 2000/s", 20)
    {
        Clients = 50,
        RatePerSecond = _ => 2000,
        NetworkMilliseconds = 2,
        Work = (server, _, random) => new Work(Exponential(server == 0 ? 30 : 10, random)),
        Figures = [s_p50, s_p99, s_share],
    };

    /// <summary>One server after the other is killed and comes back after a second; the broken connections tell.</summary>
    public static BalancingScenario Restart { get; } = new("50 clients, server n dies at 5 + 2n s and is back a second later, 2000/s", 35)
    {
        Clients = 50,
        RatePerSecond = _ => 2000,
        NetworkMilliseconds = 2,
        Changes = [.. Enumerable.Range(0, 10).SelectMany(server => new (double, Action<SimulatedCluster>)[]
        {
            (5 + 2 * server, cluster => cluster.Crash(server)),
            (6 + 2 * server, cluster => cluster.Return(server)),
        })],
        Figures =
        [
            s_p99,
            new("errors", run => run.Calls.Count(call => !call.Succeeded), "0"),
            new("share of server 0, 5–6 s", run => run.Share(0, 5.01, 6)),
            new("share of server 0, 6–7 s", run => run.Share(0, 6, 7)),
            new("share of server 0, from 25 s", run => run.Share(0, 25)),
        ],
    };

    /// <summary>In the order of the table.</summary>
    public static IReadOnlyList<BalancingScenario> All { get; } =
        [Equal, Slow, FailsFast, HalfFails, Heals, Joins, JoinsCold, Jitter, LongTail, LoadJump, ManyClients, Restart];
}
