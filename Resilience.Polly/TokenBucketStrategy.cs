using FeedMall.Resilience.RateLimiting;
using Polly;
using Polly.Telemetry;
using Refusals = global::Polly.Outcome;

namespace FeedMall.Resilience.Polly;

/// <summary>Takes tokens for each execution, and refuses it when there are too few.</summary>
internal sealed class TokenBucketStrategy(TokenBucket bucket, int tokens, ResilienceStrategyTelemetry telemetry) : ResilienceStrategy
{
    protected override ValueTask<Outcome<TResult>> ExecuteCore<TResult, TState>(
        Func<ResilienceContext, TState, ValueTask<Outcome<TResult>>> callback, ResilienceContext context, TState state)
    {
        var decision = bucket.TryTake(tokens);
        if (decision.IsAdmitted) return callback(context, state);
        var outcome = Refusals.FromException<TResult>(new RefusedException(decision.Reason, decision.RetryAfter));
        telemetry.Report(new ResilienceEvent(ResilienceEventSeverity.Warning, "OnTokenBucketRefused"), context, outcome, decision);
        return ValueTask.FromResult(outcome);
    }
}

/// <summary>Named after what it does, for Polly's telemetry.</summary>
internal sealed class TokenBucketStrategyOptions : ResilienceStrategyOptions
{
    public TokenBucketStrategyOptions() => Name = "TokenBucket";
}
