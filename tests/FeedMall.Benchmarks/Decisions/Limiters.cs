using System.Threading.RateLimiting;
using BenchmarkDotNet.Attributes;
using FeedMall.Resilience;
using FeedMall.Resilience.Bulkheads;
using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Limiting;
using FeedMall.Resilience.Load;
using FeedMall.Resilience.Queueing;

namespace FeedMall.Benchmarks.Decisions;

/// <summary>Entering and leaving.</summary>
[MemoryDiagnoser]
public class Limiters : IDisposable
{

    private readonly BbrLimiter _bbr = new(new BbrLimiterOptions(), new High(), TimeProvider.System);
    private readonly BbrLimiter _full = new(new BbrLimiterOptions { Ceiling = 1 }, new High(), TimeProvider.System);
    private readonly GradientLimiter _gradient = new(new GradientLimiterOptions(), TimeProvider.System);
    private readonly Bulkhead _bulkhead = new(new BulkheadOptions(), TimeProvider.System);
    private readonly AdmissionQueue _queue = new(new BbrLimiter(new BbrLimiterOptions(), new High(), TimeProvider.System), new AdmissionQueueOptions(), TimeProvider.System);
    private readonly ConcurrencyLimiter _theirs = new(new ConcurrencyLimiterOptions { PermitLimit = 64, QueueLimit = 0 });

    /// <summary>Takes the only place, and two of those where the first two would enter without a look at the limit.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _full.TryEnter();
        for (var i = 0; i < 2; i++)
        {
            _bbr.TryEnter();
            Enter();
        }
    }

    /// <summary>BBR, admitted.</summary>
    [Benchmark(Description = "BbrLimiter, enter and complete")]
    public bool Bbr() => _bbr.TryEnter().Complete(Outcome.Success);

    /// <summary>BBR, refused.</summary>
    [Benchmark(Description = "BbrLimiter, refused")]
    public bool BbrRefused() => _full.TryEnter().IsAdmitted;

    /// <summary>Gradient.</summary>
    [Benchmark(Description = "GradientLimiter, enter and complete")]
    public bool Gradient() => _gradient.TryEnter().Complete(Outcome.Success);

    /// <summary>Bulkhead.</summary>
    [Benchmark(Description = "Bulkhead, enter and complete")]
    public bool Places() => _bulkhead.TryEnter().Complete(Outcome.Success);

    /// <summary>The queue before BBR.</summary>
    [Benchmark(Description = "AdmissionQueue before BbrLimiter, enter at once and complete")]
    public bool Queue() => Enter().Complete(Outcome.Success);

    /// <summary>Theirs.</summary>
    [Benchmark(Description = "framework's ConcurrencyLimiter, enter and dispose")]
    public bool Framework()
    {
        using var lease = _theirs.AttemptAcquire();
        return lease.IsAcquired;
    }

    /// <summary>BBR, eight threads.</summary>
    [Benchmark(Description = "BbrLimiter, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void BbrContended() => EightThreads.Run(() => Bbr());

    /// <summary>Gradient, eight threads.</summary>
    [Benchmark(Description = "GradientLimiter, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void GradientContended() => EightThreads.Run(() => Gradient());

    /// <summary>Bulkhead, eight threads.</summary>
    [Benchmark(Description = "Bulkhead, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void PlacesContended() => EightThreads.Run(() => Places());

    /// <summary>The queue, eight threads.</summary>
    [Benchmark(Description = "AdmissionQueue before BbrLimiter, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void QueueContended() => EightThreads.Run(() => EnterOrWait().Complete(Outcome.Success));

    /// <summary>Theirs, eight threads.</summary>
    [Benchmark(Description = "framework's ConcurrencyLimiter, 8 threads", OperationsPerInvoke = EightThreads.AllTurns)]
    public void FrameworkContended() => EightThreads.Run(() => Framework());

    /// <summary>Ends the timer.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _queue.Dispose();
        _theirs.Dispose();
        GC.SuppressFinalize(this);
    }

    private Permit Enter()
    {
        var entering = _queue.EnterAsync(Criticality.Critical, 7, TimeSpan.FromSeconds(1));
        return entering.IsCompletedSuccessfully ? entering.Result : throw new InvalidOperationException("it has to wait");
    }

    private Permit EnterOrWait()
    {
        var entering = _queue.EnterAsync(Criticality.Critical, 7, TimeSpan.FromSeconds(1));
        return entering.IsCompletedSuccessfully ? entering.Result : entering.AsTask().GetAwaiter().GetResult();
    }


    private sealed class High : ILoadSignal
    {
        public double Permille => 900;
    }
}
