using BenchmarkDotNet.Attributes;
using FeedMall.Resilience;
using FeedMall.Resilience.Balancing;

namespace FeedMall.Benchmarks.Decisions;

/// <summary>A pick of 16 and its completion.</summary>
[MemoryDiagnoser]
public class Picks
{

    private Balancer _balancer = null!;
    private long _startedAt;

    /// <summary>The balancer's class.</summary>
    [Params(nameof(EwmaBalancer), nameof(LeastInFlight), nameof(SmoothWeightedRoundRobin), nameof(PickFirst))]
    public string Kind { get; set; } = "";

    /// <summary>Sixteen nodes with some calls behind them.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        var (options, clock, chance) = (new BalancerOptions(), TimeProvider.System, new SystemChance());
        _balancer = Kind switch
        {
            nameof(EwmaBalancer) => new EwmaBalancer(options, clock, chance),
            nameof(LeastInFlight) => new LeastInFlight(options, clock, chance),
            nameof(SmoothWeightedRoundRobin) => new SmoothWeightedRoundRobin(options, clock, chance),
            _ => new PickFirst(options, clock),
        };
        _balancer.Update([.. Enumerable.Range(0, 16).Select(node => new BalancerNode($"10.0.0.{node}:8081"))]);
        for (var call = 0; call < 1000; call++) PickAndComplete();
        _startedAt = clock.GetTimestamp();
    }

    /// <summary>The pick alone; what is in flight only grows.</summary>
    [Benchmark(Description = "pick of 16")]
    public BalancerNode? Pick() => _balancer.Pick();

    /// <summary>A whole call.</summary>
    [Benchmark(Description = "pick of 16 and completion")]
    public void PickAndComplete() => _balancer.Complete(_balancer.Pick()!, _startedAt, Outcome.Success);

    /// <summary>Whole calls by eight threads.</summary>
    [Benchmark(Description = "pick of 16 and completion, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void Contended() => EightThreads.Run(PickAndComplete);
}
