using FeedMall.Resilience.Balancing;
using FeedMall.Resilience.Caching;
using FeedMall.Testing;

namespace FeedMall.Benchmarks.Plots;

/// <summary>What expires together, and what moves when servers come.</summary>
internal static class CachingPlots
{
    private const int Entries = 10_000;
    private const int Keys = 20_000;

    public static LineChart Jitter() => new("10 000 entries filled at once for 60 s", "seconds after the filling", "entries that expire per second",
        [.. ((double[])[0.02, 0.05, 0.1, 0.2]).Select(share => new Series($"±{100 * share:0} %", Expiries(new TtlJitter(share))))]);

    public static LineChart Moves() => new("Keys that move when one more server joins", "servers before", "share of the keys",
    [
        new("key mod n", Moved((key, servers) => (int)(Fnv1a.Mix(key) % (ulong)servers))),
        new("HashRing", Moved(ByHash(nodes => new HashRing(nodes)))),
        new("Maglev", Moved(ByHash(nodes => new Maglev(nodes)))),
        new("JumpHash", Moved((key, servers) => JumpHash.Bucket(Fnv1a.Mix(key), servers))),
        new("as few as possible", [.. Enumerable.Range(2, 19).Select(servers => ((double)servers, 1.0 / (servers + 1)))]),
    ]);

    private static (double X, double Y)[] Expiries(TtlJitter jitter)
    {
        var chance = new TestChance { Seed = 1 };
        var seconds = new int[91];
        for (var entry = 0; entry < Entries; entry++) seconds[(int)jitter.Apply(TimeSpan.FromSeconds(60), chance).TotalSeconds]++;
        return [.. seconds.Select((count, second) => ((double)second, (double)count)).Where(point => point.Item1 >= 40 && point.Item1 <= 80)];
    }

    private static Func<ulong, int, int> ByHash(Func<IReadOnlyList<HashNode>, ConsistentHash> create)
    {
        var hashes = new Dictionary<int, ConsistentHash>();
        return (key, servers) =>
        {
            if (!hashes.TryGetValue(servers, out var hash))
                hashes[servers] = hash = create([.. Enumerable.Range(0, servers).Select(server => new HashNode($"server {server}"))]);
            return hash.Find(Fnv1a.Mix(key));
        };
    }

    private static (double X, double Y)[] Moved(Func<ulong, int, int> find) => [.. Enumerable.Range(2, 19).Select(servers =>
        ((double)servers, (double)Enumerable.Range(0, Keys).Count(key => find((ulong)key, servers) != find((ulong)key, servers + 1)) / Keys))];
}
