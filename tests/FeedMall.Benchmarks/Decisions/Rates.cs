using System.Threading.RateLimiting;
using BenchmarkDotNet.Attributes;
using FeedMall.Resilience.RateLimiting;
using Polly;
using Polly.RateLimit;

namespace FeedMall.Benchmarks.Decisions;

/// <summary>Takes of one token.</summary>
[MemoryDiagnoser]
public class Rates
{

    // So much that nothing runs out in a run.
    private readonly TokenBucket _full = new(new TokenBucketOptions { Rate = 1e9, Burst = 1e9 }, TimeProvider.System);
    private readonly TokenBucket _empty = new(new TokenBucketOptions { Rate = 0, Burst = 1 }, TimeProvider.System);
    private readonly KeyedTokenBuckets<string> _keyed = new(new KeyedTokenBucketsOptions { PerKey = new() { Rate = 1e9, Burst = 1e9 } }, TimeProvider.System);
    private readonly RateLimitPolicy _pollys = Policy.RateLimit(1_000_000, TimeSpan.FromSeconds(1), int.MaxValue);
    private readonly TokenBucketRateLimiter _theirs = Theirs(int.MaxValue);
    private readonly TokenBucketRateLimiter _theirsEmpty = Theirs(1);

    /// <summary>Empties what must be empty.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _empty.TryTake();
        _theirsEmpty.AttemptAcquire().Dispose();
    }

    /// <summary>Ours, admitted.</summary>
    [Benchmark(Description = "TokenBucket, admitted")]
    public bool Ours() => _full.TryTake().IsAdmitted;

    /// <summary>Theirs, admitted.</summary>
    [Benchmark(Description = "framework's TokenBucketRateLimiter, admitted")]
    public bool Framework() => _theirs.AttemptAcquire().IsAcquired;

    /// <summary>Ours, refused.</summary>
    [Benchmark(Description = "TokenBucket, refused")]
    public bool OursRefused() => _empty.TryTake().IsAdmitted;

    /// <summary>Theirs, refused.</summary>
    [Benchmark(Description = "framework's TokenBucketRateLimiter, refused")]
    public bool FrameworkRefused() => _theirsEmpty.AttemptAcquire().IsAcquired;

    /// <summary>Ours, by key.</summary>
    [Benchmark(Description = "KeyedTokenBuckets, admitted")]
    public bool Keyed() => _keyed.TryTake("user 1").IsAdmitted;

    /// <summary>Polly's.</summary>
    [Benchmark(Description = "Polly's rate limit policy, admitted")]
    public int PollysPolicy() => _pollys.Execute(static () => 1);

    /// <summary>Ours, eight threads.</summary>
    [Benchmark(Description = "TokenBucket, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void OursContended() => EightThreads.Run(() => _full.TryTake());

    /// <summary>Theirs, eight threads.</summary>
    [Benchmark(Description = "framework's TokenBucketRateLimiter, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void FrameworkContended() => EightThreads.Run(() => _theirs.AttemptAcquire());


    // Refilled by nobody: the timer would measure something else.
    private static TokenBucketRateLimiter Theirs(int tokens) => new(new TokenBucketRateLimiterOptions
    {
        TokenLimit = tokens, TokensPerPeriod = 1, ReplenishmentPeriod = TimeSpan.FromHours(1), AutoReplenishment = false, QueueLimit = 0,
    });
}
