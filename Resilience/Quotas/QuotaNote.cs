namespace FeedMall.Resilience.Quotas;

/// <summary>What one node wants and has of a quota for one caller.</summary>
/// <param name="Caller">The caller's name.</param>
/// <param name="Weight">Of the caller's share. 0.001 to 1000.</param>
/// <param name="Limit">Of this caller on all nodes together, per second; 0: only that of all callers.</param>
/// <param name="Demand">Requests per second that the node could use.</param>
/// <param name="Claim">Requests per second that it may let pass: never less than it does.</param>
public readonly record struct QuotaLine(string Caller, double Weight, double Limit, double Demand, double Claim);

/// <summary>What a node tells the others that share a quota with it.</summary>
/// <param name="Number">Another one each time, so that the others see that the node lives.</param>
/// <param name="Limit">Of all callers on all nodes together, per second, as this node has it in its settings.</param>
/// <param name="Ttl">How long the node goes by its claims when nobody hears of it.</param>
/// <param name="Lines">One for each caller.</param>
public sealed record QuotaNote(long Number, double Limit, TimeSpan Ttl, IReadOnlyList<QuotaLine> Lines);

/// <summary>Puts a node's note where all can see it, in place of its last one, and then reads those of all.</summary>
/// <param name="note">The node's own.</param>
/// <param name="gone">Nodes whose notes can be thrown away.</param>
/// <returns>The notes by node, this one's among them; null: it was not possible, and nobody may have seen the note.</returns>
public delegate ValueTask<IReadOnlyDictionary<string, QuotaNote>?> QuotaExchange(QuotaNote note, IReadOnlyList<string> gone);
