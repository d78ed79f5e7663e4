using System.ComponentModel.DataAnnotations;
using FeedMall.Resilience.Gates;
using Polly;
using Polly.CircuitBreaker;

namespace FeedMall.Resilience.Polly;

/// <summary>Settings of a strategy that asks a gate: a breaker, an adaptive limiter, a bulkhead.</summary>
public class GateStrategyOptions<TResult> : ResilienceStrategyOptions
{
    /// <summary>Named after what it does.</summary>
    public GateStrategyOptions() => Name = "Gate";

    /// <summary>The gate. Several pipelines may share one.</summary>
    [Required]
    public Gate? Gate { get; set; }

    /// <summary>
    /// What counts as a failure; the rest counts as a success. Default: every exception. Neither is what the caller cancelled, nor what a strategy inside this
    /// one refused to try: those are ignored and this is not asked.
    /// </summary>
    [Required]
    public Func<CircuitBreakerPredicateArguments<TResult>, ValueTask<bool>> ShouldHandle { get; set; } =
        static arguments => ValueTask.FromResult(arguments.Outcome.Exception is not null);
}

/// <summary>The same for pipelines without a type of their own.</summary>
public sealed class GateStrategyOptions : GateStrategyOptions<object>;
