using FeedMall.Resilience.Retry;
using FeedMall.Testing;
using FeedMall.Testing.Balancing;

namespace FeedMall.Benchmarks.Plots;

/// <summary>What retries make of a failure that hits everybody at once.</summary>
internal static class RetryPlots
{
    private const int Clients = 10_000;
    private const int CallsPerSecond = 200;
    private const int Attempts = 3;

    /// <summary>When clients that failed at the same moment come back.</summary>
    public static LineChart ThirdRetries() => new(
        "10 000 clients fail together and retry together: the third retry arrives", "seconds after the first failure", "attempts per 50 ms",
        [.. Enum.GetValues<JitterKind>().Where(kind => kind != JitterKind.None).Select(kind => new Series(kind.ToString(), Arrivals(kind)))]);

    /// <summary>What a target sees whose calls all fail from 10 s to 30 s.</summary>
    public static LineChart LoadDuringAnOutage()
    {
        var clock = new VirtualClock();
        return new("200 calls/s, up to three attempts each, all fail from 10 s to 30 s", "seconds", "attempts per second at the target",
        [
            new("no budget", Load(clock, null)),
            new("window budget (10 %)", Load(clock = new(), new WindowRetryBudget(new(), clock))),
            new("token budget (A6)", Load(new(), new TokenRetryBudget(new()))),
        ]) { Bands = [new Band("everything fails", 10, 30)] };
    }

    private static (double X, double Y)[] Arrivals(JitterKind kind)
    {
        var backoff = new Backoff(new BackoffOptions { Jitter = kind }, new TestChance { Seed = 1 });
        var arrivals = new int[30];
        for (var client = 0; client < Clients; client++)
        {
            var (at, wait) = (TimeSpan.Zero, TimeSpan.Zero);
            for (var attempt = 0; attempt < 3; attempt++)
            {
                at += wait = backoff.Next(attempt, wait);
            }
            var bucket = (int)(at.TotalMilliseconds / 50);
            if (bucket < arrivals.Length) arrivals[bucket]++;
        }
        return [.. arrivals.Select((count, bucket) => (bucket * 0.05, (double)count))];
    }

    private static (double X, double Y)[] Load(VirtualClock clock, RetryBudget? budget)
    {
        var attempts = new int[40];
        for (var call = 0; call < CallsPerSecond * attempts.Length; call++)
        {
            clock.GoTo(VirtualClock.PerSecond / CallsPerSecond * call);
            var fails = clock.Seconds is >= 10 and < 30;
            ref var second = ref attempts[(int)clock.Seconds];
            second++;
            budget?.OnFirstAttempt();
            for (var retry = 1; fails && retry < Attempts; retry++)
            {
                budget?.OnRetryableFailure();
                if (budget?.TryTakeRetry() == false) break;
                second++;
            }
            if (!fails) budget?.OnSuccess();
        }
        return [.. attempts.Select((count, at) => (at + 0.5, (double)count))];
    }
}
