using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Resilience.Polly;
using Polly;
using Polly.CircuitBreaker;
using Outcome = FeedMall.Resilience.Outcome;

namespace FeedMall.Benchmarks.Breaking;

/// <summary>
/// What a call through a closed breaker costs besides the call: ours, ours as a strategy of Polly, and Polly's own, in one run. With 8 threads: the time until all
/// have done their part, divided by the number of calls, so that it is comparable with one thread.
/// </summary>
[MemoryDiagnoser]
public class BreakerCosts
{
    private const int Turns = 100_000;
    private const int Threads = 8;

    private readonly TimeProvider _clock = TimeProvider.System;
    private readonly SreBreaker _recommended = new(new SreBreakerOptions(), TimeProvider.System, new SystemChance());
    private readonly PlainSreBreaker _plain = new(new PlainSreBreakerOptions(), TimeProvider.System, new SystemChance());
    private readonly SreBreaker _throttling = new(new SreBreakerOptions { ProbeInterval = TimeSpan.FromMinutes(10) }, TimeProvider.System, new SystemChance());
    private readonly ResiliencePipeline<object?> _ours;
    private readonly ResiliencePipeline<object?> _pollys = new ResiliencePipelineBuilder<object?>().AddCircuitBreaker(new CircuitBreakerStrategyOptions<object?>()).Build();
    private readonly ResiliencePipeline<object?> _empty = ResiliencePipeline<object?>.Empty;

    public BreakerCosts() => _ours = new ResiliencePipelineBuilder<object?>().AddGate(new SreBreaker(new SreBreakerOptions(), TimeProvider.System, new SystemChance())).Build();

    [Benchmark]
    public long ClockOnly() => _clock.GetTimestamp();

    [Benchmark]
    public bool Recommended() => _recommended.TryEnter().Complete(Outcome.Success);

    [Benchmark]
    public bool Plain() => _plain.TryEnter().Complete(Outcome.Success);

    [Benchmark]
    public bool RecommendedDropping() => _throttling.TryEnter().Complete(Outcome.Failure);

    [Benchmark]
    public ValueTask<object?> EmptyPipeline() => _empty.ExecuteAsync(static _ => ValueTask.FromResult<object?>(null));

    [Benchmark]
    public ValueTask<object?> RecommendedThroughPolly() => _ours.ExecuteAsync(static _ => ValueTask.FromResult<object?>(null));

    [Benchmark]
    public ValueTask<object?> PollysBreaker() => _pollys.ExecuteAsync(static _ => ValueTask.FromResult<object?>(null));

    [Benchmark(OperationsPerInvoke = Threads * Turns)]
    public void RecommendedEightThreads() => OnEightThreads(() => _recommended.TryEnter().Complete(Outcome.Success));

    [Benchmark(OperationsPerInvoke = Threads * Turns)]
    public void PlainEightThreads() => OnEightThreads(() => _plain.TryEnter().Complete(Outcome.Success));

    [Benchmark(OperationsPerInvoke = Threads * Turns)]
    public void RecommendedThroughPollyEightThreads() => OnEightThreads(() => _ours.Execute(static () => (object?)null));

    [Benchmark(OperationsPerInvoke = Threads * Turns)]
    public void PollysBreakerEightThreads() => OnEightThreads(() => _pollys.Execute(static () => (object?)null));

    private static void OnEightThreads(Action act)
    {
        var threads = new Thread[Threads];
        for (var i = 0; i < Threads; i++)
        {
            threads[i] = new Thread(() =>
            {
                for (var turn = 0; turn < Turns; turn++) act();
            });
        }
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
    }

    /// <summary>Runs all of them. <c>--quick</c>: few rounds, for a look.</summary>
    internal static int Run(string[] args)
    {
        var job = (args is ["--quick"] ? Job.ShortRun : Job.Default).WithToolchain(InProcessEmitToolchain.Instance);
        BenchmarkRunner.Run<BreakerCosts>(DefaultConfig.Instance.AddJob(job));
        return 0;
    }
}
