namespace FeedMall.Resilience.Balancing;

/// <summary>
/// Which servers a client connects to when there are too many for all: the <c>count</c> with the highest hash(client, server) (rendezvous hashing).
/// The same in every process and on every machine. Clients spread evenly, and when a server leaves, only its own clients replace it, by one
/// server each. (ALGORITHMS §9.5.)
/// </summary>
public static class Subset
{
    /// <summary>Servers per client: enough to spread load, few enough to keep connections cheap.</summary>
    public const int DefaultCount = 20;

    /// <summary>The client's nodes, in the order of the list; all of them when there are not more than <paramref name="count"/>.</summary>
    /// <param name="clientId">Stable and different for each client instance, for example the pod's name.</param>
    /// <param name="nodes">Nodes with different keys.</param>
    /// <param name="count">1 or more.</param>
    public static IReadOnlyList<BalancerNode> Choose(string clientId, IReadOnlyList<BalancerNode> nodes, int count = DefaultCount) =>
        Choose(clientId, nodes, node => node.Key, count);

    /// <summary>The client's servers, in the order of the list; all of them when there are not more than <paramref name="count"/>.</summary>
    /// <param name="clientId">Stable and different for each client instance, for example the pod's name.</param>
    /// <param name="servers">Servers with different keys.</param>
    /// <param name="key">What names a server for all clients alike, for example its address.</param>
    /// <param name="count">1 or more.</param>
    public static IReadOnlyList<T> Choose<T>(string clientId, IReadOnlyList<T> servers, Func<T, string> key, int count = DefaultCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (servers.Count <= count) return servers;
        return servers.Select((server, place) => (server, place, name: key(server)))
            .OrderByDescending(item => Hash(clientId, item.name)).ThenBy(item => item.name, StringComparer.Ordinal).Take(count)
            .OrderBy(item => item.place).Select(item => item.server).ToArray();
    }

    /// <summary>Client, a separator and server.</summary>
    // 0xFF is no byte of UTF-8, so ("ab", "c") and ("a", "bc") differ.
    internal static ulong Hash(string client, string server) => Fnv1a.Mix(Fnv1a.Hash64(server, Fnv1a.Hash64([0xff], Fnv1a.Hash64(client))));
}
