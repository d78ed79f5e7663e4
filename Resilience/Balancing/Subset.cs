using System.Text;

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

    /// <summary>FNV-1a over client, a separator and server, and a last mix: FNV alone spreads the last letters too little to be compared as a number.</summary>
    internal static ulong Hash(string client, string server)
    {
        const ulong start = 0xcbf29ce484222325;
        // 0xFF is no byte of UTF-8, so ("ab", "c") and ("a", "bc") differ.
        var hash = Fnv1a(Fnv1a(Fnv1a(start, Encoding.UTF8.GetBytes(client)), [0xff]), Encoding.UTF8.GetBytes(server));
        hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
        hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
        return hash ^ (hash >> 33);
    }

    internal static ulong Fnv1a(ulong hash, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes) hash = (hash ^ value) * 0x100000001b3;
        return hash;
    }
}
