namespace FeedMall.Resilience.Quotas;

/// <summary>What a node asks for.</summary>
/// <param name="Node">Its name, unique among those that share the quota.</param>
/// <param name="Weight">Of its share. 0.001 to 1000.</param>
/// <param name="Demand">Requests per second that it could use.</param>
public readonly record struct QuotaRequest(string Node, double Weight, double Demand);

/// <summary>A lease: the right to a rate for a time.</summary>
/// <param name="Rate">Per second.</param>
/// <param name="Burst">What may be spent at once.</param>
/// <param name="Ttl">How long it holds.</param>
/// <param name="Epoch">Rises when the nodes or the limit change.</param>
/// <param name="Limit">Of all nodes together, per second.</param>
/// <param name="Nodes">That share it now.</param>
public readonly record struct QuotaGrant(double Rate, double Burst, TimeSpan Ttl, long Epoch, double Limit, int Nodes);

/// <summary>
/// The way to whoever shares a quota out: in the same process (<see cref="QuotaAllocator"/>), or over a network. One source speaks for one quota.
/// </summary>
public interface IQuotaSource
{
    /// <summary>Asks for a new lease, which takes the place of the one that the node has.</summary>
    ValueTask<QuotaGrant> RequestAsync(QuotaRequest request, CancellationToken cancellation);
}
