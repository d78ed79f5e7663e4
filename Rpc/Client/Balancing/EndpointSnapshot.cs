namespace FeedMall.Rpc.Client;

/// <summary>What a channel knows about one address.</summary>
/// <param name="Address">Where it is.</param>
/// <param name="State">Whether calls go there.</param>
/// <param name="Score">What the balancer compares; higher is picked rather. The scale is each policy's own.</param>
/// <param name="InFlight">Calls under way.</param>
/// <param name="Success">Average share of successes, 0 to 1.</param>
/// <param name="Lag">Average time until an answer.</param>
/// <param name="Picks">Calls that went there since the start.</param>
/// <param name="Failures">Calls that failed there since the start.</param>
public sealed record EndpointSnapshot(
    string Address, EndpointState State, double Score, int InFlight, double Success, TimeSpan Lag, long Picks, long Failures);
