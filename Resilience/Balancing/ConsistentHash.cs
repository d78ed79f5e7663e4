namespace FeedMall.Resilience.Balancing;

/// <summary>A server of a consistent hash.</summary>
/// <param name="Name">What names it for all who hash alike, for example its address.</param>
/// <param name="Weight">Its share relative to others, more than 0, at most 1 000 000.</param>
public readonly record struct HashNode(string Name, double Weight = 1);

/// <summary>
/// Keys to servers so that few keys move when servers come or go. The same answers in every process for the same list. Cannot change: make a new one for a
/// new list. Keys are good 64-bit hashes, for example <c>Fnv1a.Mix(Fnv1a.Hash64(…))</c>.
/// </summary>
public abstract class ConsistentHash
{
    private protected ConsistentHash(IReadOnlyList<HashNode> nodes)
    {
        ArgumentOutOfRangeException.ThrowIfZero(nodes.Count, nameof(nodes));
        var names = new HashSet<string>();
        foreach (var (name, weight) in nodes)
        {
            ArgumentException.ThrowIfNullOrEmpty(name, nameof(nodes));
            if (!names.Add(name)) throw new ArgumentException($"two nodes have the name '{name}'", nameof(nodes));
            if (!(weight > 0 && weight <= 1_000_000)) throw new ArgumentOutOfRangeException(nameof(nodes), weight, $"weight of '{name}'");
        }
        Nodes = [.. nodes];
    }

    /// <summary>The servers, in the order of the list that it was made from.</summary>
    public IReadOnlyList<HashNode> Nodes { get; }

    /// <summary>How many places there are.</summary>
    internal abstract int Places { get; }

    /// <summary>The place of the table or the ring that a key falls on.</summary>
    internal abstract int PlaceOf(ulong key);

    /// <summary>The server, by its number in <see cref="Nodes"/>, that a place belongs to.</summary>
    internal abstract int NodeAt(int place);

    /// <summary>The server of a key, by its number in <see cref="Nodes"/>.</summary>
    public int Find(ulong key) => NodeAt(PlaceOf(key));

    private protected static ulong HashOf(string name, ulong seed) => Fnv1a.Mix(Fnv1a.Hash64(name) ^ seed);
}
