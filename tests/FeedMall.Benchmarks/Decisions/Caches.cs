using BenchmarkDotNet.Attributes;
using FeedMall.Resilience;
using FeedMall.Resilience.Balancing;
using FeedMall.Resilience.Caching;

namespace FeedMall.Benchmarks.Decisions;

/// <summary>One operation each.</summary>
[MemoryDiagnoser]
public class Caches
{
    private static readonly HashNode[] s_nodes = [.. Enumerable.Range(0, 16).Select(node => new HashNode($"10.0.0.{node}:8081"))];

    private readonly LoadingCache<string, string> _cache = new(new LoadingCacheOptions { TimeToLive = TimeSpan.FromDays(1) }, (key, _) => Task.FromResult(key), TimeProvider.System, new SystemChance());
    private readonly SingleFlight<string, string> _flights = new(new SingleFlightOptions(), TimeProvider.System);
    private readonly HeavyKeeper _keeper = new(new HeavyKeeperOptions(), TimeProvider.System, new SystemChance());
    private readonly HotKeyCache<string> _hot = new(new HotKeyOptions { Always = ["~."], TimeToLive = TimeSpan.FromSeconds(3) }, TimeProvider.System, new SystemChance());
    private readonly string[] _rare = [.. Enumerable.Range(0, 65536).Select(key => $"post:{key}")];
    private readonly Maglev _maglev = new(s_nodes);
    private readonly HashRing _ring = new(s_nodes);
    private readonly WeightedChoice _choice = new([3, 2, 1, 1]);
    private readonly SystemChance _chance = new();
    private ulong _key;
    private int _turn;

    /// <summary>Fills what must be full.</summary>
    [GlobalSetup]
    public async Task SetUp()
    {
        await _cache.GetAsync("post:1");
        for (var i = 0; i < 1000; i++) _keeper.Add("post:1");
    }

    /// <summary>From the cache.</summary>
    [Benchmark(Description = "LoadingCache, hit")]
    public ValueTask<Cached<string>> Hit() => _cache.GetAsync("post:1");

    /// <summary>A flight with one caller and a loader that answers at once.</summary>
    [Benchmark(Description = "SingleFlight, alone (a whole flight on a pool thread)")]
    public async Task<string> Flight() => (await _flights.RunAsync("post:1", static flight => Task.FromResult(flight.Key))).Value;

    /// <summary>A key that is hot.</summary>
    [Benchmark(Description = "HeavyKeeper, a hot key")]
    public bool AddHot() => _keeper.Add("post:1");

    /// <summary>A key that is not.</summary>
    [Benchmark(Description = "HeavyKeeper, one of 65 536 rare keys")]
    public bool AddRare() => _keeper.Add(_rare[_turn++ & 65535]);

    /// <summary>A copy that is not there.</summary>
    [Benchmark(Description = "HotKeyCache, a hot key without a copy")]
    public bool HotMiss() => _hot.TryGet("post:1", out _);

    /// <summary>By table.</summary>
    [Benchmark(Description = "Maglev, a lookup")]
    public int Table() => _maglev.Find(Fnv1a.Mix(_key++));

    /// <summary>By ring.</summary>
    [Benchmark(Description = "HashRing, a lookup")]
    public int Ring() => _ring.Find(Fnv1a.Mix(_key++));

    /// <summary>By jumps.</summary>
    [Benchmark(Description = "JumpHash, of 16")]
    public int Jump() => JumpHash.Bucket(_key++, 16);

    /// <summary>By weight.</summary>
    [Benchmark(Description = "WeightedChoice, of 4")]
    public int Weighted() => _choice.Next(_chance);
}
