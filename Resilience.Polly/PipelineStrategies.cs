using FeedMall.Resilience.Gates;
using FeedMall.Resilience.RateLimiting;
using FeedMall.Resilience.Retry;
using Polly;
using Polly.Retry;

namespace FeedMall.Resilience.Polly;

/// <summary>
/// The mechanisms of Resilience as strategies of Polly's pipelines. From the outside to the inside, as Polly's users are used to: rate limit, bulkhead or
/// adaptive limiter, time-out of the whole, retry, breaker, time-out of one attempt.
/// </summary>
/// <remarks>
/// A time-out must stand inside a breaker to count as a failure: one around it looks to the breaker like a caller that gave up.
/// All refusals are <see cref="RefusedException"/>s.
/// </remarks>
public static class PipelineStrategies
{
    /// <summary>Asks the gate around what is added after this; every exception is a failure.</summary>
    public static ResiliencePipelineBuilder AddGate(this ResiliencePipelineBuilder builder, Gate gate) => builder.AddGate(new GateStrategyOptions { Gate = gate });

    /// <summary>Asks the gate around what is added after this.</summary>
    public static ResiliencePipelineBuilder AddGate(this ResiliencePipelineBuilder builder, GateStrategyOptions options) =>
        builder.AddStrategy(context => new GateStrategy<object>(options, context.Telemetry), options);

    /// <summary>Asks the gate around what is added after this; every exception is a failure.</summary>
    public static ResiliencePipelineBuilder<TResult> AddGate<TResult>(this ResiliencePipelineBuilder<TResult> builder, Gate gate) =>
        builder.AddGate(new GateStrategyOptions<TResult> { Gate = gate });

    /// <summary>Asks the gate around what is added after this.</summary>
    public static ResiliencePipelineBuilder<TResult> AddGate<TResult>(this ResiliencePipelineBuilder<TResult> builder, GateStrategyOptions<TResult> options) =>
        builder.AddStrategy(context => new GateStrategy<TResult>(options, context.Telemetry), options);

    /// <summary>Takes tokens out of the bucket for each execution.</summary>
    /// <param name="tokens">1 to the bucket's burst.</param>
    public static TBuilder AddTokenBucket<TBuilder>(this TBuilder builder, TokenBucket bucket, int tokens = 1) where TBuilder : ResiliencePipelineBuilderBase =>
        builder.AddStrategy(context => new TokenBucketStrategy(bucket, tokens, context.Telemetry), new TokenBucketStrategyOptions());

    /// <summary>Polly's own retry, with its delays and events, as long as the budget lasts. What a strategy of this room refused is not tried again.</summary>
    /// <param name="options">Belong to this pipeline from now on: their predicate is extended by the budget.</param>
    public static ResiliencePipelineBuilder AddRetry(this ResiliencePipelineBuilder builder, RetryStrategyOptions options, RetryBudget budget)
    {
        Limit(options, budget);
        return builder.AddRetry(options);
    }

    /// <inheritdoc cref="AddRetry(ResiliencePipelineBuilder, RetryStrategyOptions, RetryBudget)"/>
    public static ResiliencePipelineBuilder<TResult> AddRetry<TResult>(
        this ResiliencePipelineBuilder<TResult> builder, RetryStrategyOptions<TResult> options, RetryBudget budget)
    {
        Limit(options, budget);
        return builder.AddRetry(options);
    }

    private static void Limit<TResult>(RetryStrategyOptions<TResult> options, RetryBudget budget)
    {
        var shouldHandle = options.ShouldHandle;
        options.ShouldHandle = async arguments =>
        {
            if (arguments.AttemptNumber == 0) budget.OnFirstAttempt();
            if (arguments.Outcome.Exception is RefusedException) return false;
            if (!await shouldHandle(arguments).ConfigureAwait(arguments.Context.ContinueOnCapturedContext))
            {
                if (arguments.Outcome.Exception is null) budget.OnSuccess();
                return false;
            }
            budget.OnRetryableFailure();
            // After the last attempt Polly stops by itself: it must not cost a retry that is not made.
            return arguments.AttemptNumber >= options.MaxRetryAttempts || budget.TryTakeRetry();
        };
    }
}
