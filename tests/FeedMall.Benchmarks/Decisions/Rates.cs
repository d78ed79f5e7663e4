using System.Threading.RateLimiting;
using BenchmarkDotNet.Attributes;
using FeedMall.Resilience;
using FeedMall.Resilience.Quotas;
using FeedMall.Resilience.RateLimiting;
using FeedMall.Resilience.Retry;
using Polly;
using Polly.RateLimit;

namespace FeedMall.Benchmarks.Decisions;

/// <summary>Takes of one token.</summary>
[MemoryDiagnoser]
public class Rates : IDisposable
{

    // So much that nothing runs out in a run.
    private readonly TokenBucket _full = new(new TokenBucketOptions { Rate = 1e9, Burst = 1e9 }, TimeProvider.System);
    private readonly TokenBucket _empty = new(new TokenBucketOptions { Rate = 0, Burst = 1 }, TimeProvider.System);
    private readonly KeyedTokenBuckets<string> _keyed = new(new KeyedTokenBucketsOptions { PerKey = new() { Rate = 1e9, Burst = 1e9 } }, TimeProvider.System);
    private readonly LeakyBucketMeter _leaky = new(new LeakyBucketOptions { Leak = 1e9, Capacity = 1e9 }, TimeProvider.System);
    private readonly QuotaClient _quota = new("node", new QuotaClientOptions { AssumedLimit = 1e9, AssumedNodes = 1, MinDemand = 1e9 },
        new QuotaAllocator(new QuotaAllocatorOptions { Limit = 1e9 }, TimeProvider.System), TimeProvider.System, new SystemChance());
    private readonly WindowRetryBudget _windowBudget = new(new WindowRetryBudgetOptions(), TimeProvider.System);
    private readonly TokenRetryBudget _tokenBudget = new(new TokenRetryBudgetOptions());
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

    /// <summary>Ends the quota's heartbeat.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _quota.Dispose();
        GC.SuppressFinalize(this);
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

    /// <summary>Leaky bucket.</summary>
    [Benchmark(Description = "LeakyBucketMeter, admitted")]
    public bool Leaky() => _leaky.TryPour().IsAdmitted;

    /// <summary>Of a lease.</summary>
    [Benchmark(Description = "QuotaClient, admitted by its lease")]
    public bool Quota() => _quota.TryTake().IsAdmitted;

    /// <summary>What each call pays.</summary>
    [Benchmark(Description = "WindowRetryBudget, a first attempt")]
    public void FirstAttempt() => _windowBudget.OnFirstAttempt();

    /// <summary>What each retry pays.</summary>
    [Benchmark(Description = "WindowRetryBudget, asking for a retry")]
    public bool WindowRetry() => _windowBudget.TryTakeRetry();

    /// <summary>What each retry pays, and each success.</summary>
    [Benchmark(Description = "TokenRetryBudget, a success and asking for a retry")]
    public bool TokenRetry()
    {
        _tokenBudget.OnSuccess();
        return _tokenBudget.TryTakeRetry();
    }

    /// <summary>Polly's.</summary>
    [Benchmark(Description = "Polly's rate limit policy, admitted")]
    public int PollysPolicy() => _pollys.Execute(static () => 1);

    /// <summary>Ours, eight threads.</summary>
    [Benchmark(Description = "TokenBucket, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void OursContended() => EightThreads.Run(() => _full.TryTake());

    /// <summary>By key, eight threads.</summary>
    [Benchmark(Description = "KeyedTokenBuckets, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void KeyedContended() => EightThreads.Run(() => _keyed.TryTake("user 1"));

    /// <summary>Leaky bucket, eight threads.</summary>
    [Benchmark(Description = "LeakyBucketMeter, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void LeakyContended() => EightThreads.Run(() => _leaky.TryPour());

    /// <summary>Of a lease, eight threads.</summary>
    [Benchmark(Description = "QuotaClient, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void QuotaContended() => EightThreads.Run(() => _quota.TryTake());

    /// <summary>First attempts, eight threads.</summary>
    [Benchmark(Description = "WindowRetryBudget, a first attempt, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void FirstAttemptContended() => EightThreads.Run(() => _windowBudget.OnFirstAttempt());

    /// <summary>Theirs, eight threads.</summary>
    [Benchmark(Description = "framework's TokenBucketRateLimiter, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void FrameworkContended() => EightThreads.Run(() => _theirs.AttemptAcquire());


    // Refilled by nobody: the timer would measure something else.
    private static TokenBucketRateLimiter Theirs(int tokens) => new(new TokenBucketRateLimiterOptions
    {
        TokenLimit = tokens, TokensPerPeriod = 1, ReplenishmentPeriod = TimeSpan.FromHours(1), AutoReplenishment = false, QueueLimit = 0,
    });
}
