using BenchmarkDotNet.Attributes;
using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Resilience.Bulkheads;
using FeedMall.Resilience.Polly;
using Polly;
using Polly.CircuitBreaker;
using Outcome = FeedMall.Resilience.Outcome;

namespace FeedMall.Benchmarks.Decisions;

/// <summary>
/// What a call through a closed breaker costs besides the call: ours, ours as a strategy of Polly, and Polly's own, in one run. With 8 threads: the time until all
/// have done their part, divided by the number of calls, so that it is comparable with one thread.
/// </summary>
[MemoryDiagnoser]
public class Breakers
{

    private readonly SreBreaker _recommended = new(new SreBreakerOptions(), TimeProvider.System, new SystemChance());
    private readonly PlainSreBreaker _plain = new(new PlainSreBreakerOptions(), TimeProvider.System, new SystemChance());
    private readonly SreBreaker _throttling = new(new SreBreakerOptions { ProbeInterval = TimeSpan.FromMinutes(10) }, TimeProvider.System, new SystemChance());
    private readonly KeyedBreakers<string> _keyed = new(
        new KeyedBreakersOptions(), _ => new SreBreaker(new SreBreakerOptions(), TimeProvider.System, new SystemChance()), TimeProvider.System);
    private readonly GutterPair _pair = new(new SreBreaker(new SreBreakerOptions(), TimeProvider.System, new SystemChance()),
        new SreBreaker(new SreBreakerOptions(), TimeProvider.System, new SystemChance()), new Bulkhead(new BulkheadOptions(), TimeProvider.System));
    private readonly ResiliencePipeline<object?> _ours;
    private readonly ResiliencePipeline<object?> _pollys = new ResiliencePipelineBuilder<object?>().AddCircuitBreaker(new CircuitBreakerStrategyOptions<object?>()).Build();
    private readonly ResiliencePipeline<object?> _empty = ResiliencePipeline<object?>.Empty;

    public Breakers() => _ours = new ResiliencePipelineBuilder<object?>().AddGate(new SreBreaker(new SreBreakerOptions(), TimeProvider.System, new SystemChance())).Build();

    [Benchmark(Description = "SreBreaker")]
    public bool Recommended() => _recommended.TryEnter().Complete(Outcome.Success);

    [Benchmark(Description = "PlainSreBreaker")]
    public bool Plain() => _plain.TryEnter().Complete(Outcome.Success);

    [Benchmark(Description = "SreBreaker, dropping most")]
    public bool RecommendedDropping() => _throttling.TryEnter().Complete(Outcome.Failure);

    [Benchmark(Description = "KeyedBreakers, finding one included")]
    public bool Keyed() => _keyed.Get("method").TryEnter().Complete(Outcome.Success);

    [Benchmark(Description = "GutterPair, at the primary")]
    public bool Pair() => _pair.TryEnter().Complete(Outcome.Success);

    [Benchmark(Description = "Polly's empty pipeline")]
    public ValueTask<object?> EmptyPipeline() => _empty.ExecuteAsync(static _ => ValueTask.FromResult<object?>(null));

    [Benchmark(Description = "SreBreaker in Polly's pipeline")]
    public ValueTask<object?> RecommendedThroughPolly() => _ours.ExecuteAsync(static _ => ValueTask.FromResult<object?>(null));

    [Benchmark(Description = "Polly's circuit breaker")]
    public ValueTask<object?> PollysBreaker() => _pollys.ExecuteAsync(static _ => ValueTask.FromResult<object?>(null));

    [Benchmark(Description = "SreBreaker, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void RecommendedEightThreads() => EightThreads.Run(() => _recommended.TryEnter().Complete(Outcome.Success));

    [Benchmark(Description = "PlainSreBreaker, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void PlainEightThreads() => EightThreads.Run(() => _plain.TryEnter().Complete(Outcome.Success));

    [Benchmark(Description = "KeyedBreakers, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void KeyedEightThreads() => EightThreads.Run(() => _keyed.Get("method").TryEnter().Complete(Outcome.Success));

    [Benchmark(Description = "GutterPair, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void PairEightThreads() => EightThreads.Run(() => _pair.TryEnter().Complete(Outcome.Success));

    [Benchmark(Description = "SreBreaker in Polly's pipeline, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void RecommendedThroughPollyEightThreads() => EightThreads.Run(() => _ours.Execute(static () => (object?)null));

    [Benchmark(Description = "Polly's circuit breaker, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void PollysBreakerEightThreads() => EightThreads.Run(() => _pollys.Execute(static () => (object?)null));
}
