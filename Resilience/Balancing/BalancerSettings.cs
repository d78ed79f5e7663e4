namespace FeedMall.Resilience.Balancing;

/// <summary>The options in seconds, because <see cref="TimeSpan"/> arithmetic would cost as much as the rest of a score.</summary>
internal sealed class BalancerSettings(BalancerOptions options, double frequency)
{
    public BalancerOptions Options { get; } = options;

    public Averaging Averaging { get; } = new(frequency, options.AverageTime.TotalSeconds);

    public double DefaultLagSeconds { get; } = options.DefaultLag.TotalSeconds;

    public double NeutralSeconds { get; } = options.NeutralTime.TotalSeconds;

    public double SlowStartSeconds { get; } = options.SlowStart.TotalSeconds;

    public double ForcedPickSeconds { get; } = options.ForcedPickAfter.TotalSeconds;

    public double LagOffsetSeconds { get; } = options.LagOffset.TotalSeconds;

    public double CpuMaxAgeSeconds { get; } = options.CpuMaxAge.TotalSeconds;
}
