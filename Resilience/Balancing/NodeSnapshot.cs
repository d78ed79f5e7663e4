namespace FeedMall.Resilience.Balancing;

/// <summary>What a balancer knows about a node.</summary>
/// <param name="Key">The node's key.</param>
/// <param name="IsAvailable">Whether it may be picked.</param>
/// <param name="Weight">Its weight.</param>
/// <param name="Score">What the balancer compares now; higher is picked rather. The scale is each balancer's own.</param>
/// <param name="InFlight">Calls under way.</param>
/// <param name="Success">Average share of successes, 0 to 1.</param>
/// <param name="Lag">Average duration of calls; zero before the first one completed.</param>
/// <param name="CpuPermille">The last load that the node reported, 0 to 1000, unless it is too old.</param>
/// <param name="SincePick">Time since it was picked last, or since it joined.</param>
/// <param name="Picks">Times that it was picked.</param>
/// <param name="Failures">Calls that failed.</param>
public sealed record NodeSnapshot(
    string Key, bool IsAvailable, double Weight, double Score, int InFlight, double Success, TimeSpan Lag, int? CpuPermille,
    TimeSpan SincePick, long Picks, long Failures);
