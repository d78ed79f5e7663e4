namespace FeedMall.Benchmarks.Plots;

/// <summary>Draws the pictures of docs/algorithms: the same simulations that the tests check, in virtual time, with fixed seeds.</summary>
internal static class PlotsCommand
{
    private static readonly (string File, Func<LineChart> Draw)[] s_plots =
    [
        ("backoff.svg", RetryPlots.ThirdRetries),
        ("retry-budget.svg", RetryPlots.LoadDuringAnOutage),
        ("balancing-failing.svg", BalancingPlots.FailingServer),
        ("balancing-joining.svg", BalancingPlots.JoiningServer),
        ("breaker-outage.svg", BreakerPlots.Outage),
        ("breaker-probes.svg", BreakerPlots.Probes),
        ("breaker-standby.svg", BreakerPlots.Gutter),
        ("overload-2x.svg", OverloadPlots.Twice),
        ("overload-10x.svg", OverloadPlots.TenTimes),
        ("overload-tiers.svg", OverloadPlots.Tiers),
        ("quota-hot-spot.svg", QuotaPlots.MovingHotSpot),
        ("quota-peers.svg", QuotaPlots.Peers),
        ("quota-batches.svg", QuotaPlots.Batches),
        ("quota-outage.svg", QuotaPlots.Fallbacks),
        ("cache-jitter.svg", CachingPlots.Jitter),
        ("hash-moves.svg", CachingPlots.Moves),
    ];

    public static int Run(string[] args)
    {
        if (args is not ["--out", var folder, ..])
        {
            Console.Error.WriteLine("Say where to: plots --out docs/algorithms");
            return 2;
        }
        Directory.CreateDirectory(folder);
        foreach (var (file, draw) in s_plots)
        {
            Console.WriteLine(file);
            File.WriteAllText(Path.Combine(folder, file), draw().ToSvg());
        }
        return 0;
    }
}
