using FeedMall.Resilience.Gates;
using Polly;
using Polly.CircuitBreaker;
using Polly.Telemetry;
using Polly.Timeout;
using Refusals = global::Polly.Outcome;

namespace FeedMall.Resilience.Polly;

/// <summary>Asks the gate for a permit around what is inside it, and tells the gate how that ended.</summary>
internal sealed class GateStrategy<TResult>(GateStrategyOptions<TResult> options, ResilienceStrategyTelemetry telemetry) : ResilienceStrategy<TResult>
{
    private readonly Gate _gate = options.Gate!;
    private readonly Func<CircuitBreakerPredicateArguments<TResult>, ValueTask<bool>> _isFailure = options.ShouldHandle;

    protected override async ValueTask<Outcome<TResult>> ExecuteCore<TState>(
        Func<ResilienceContext, TState, ValueTask<Outcome<TResult>>> callback, ResilienceContext context, TState state)
    {
        using var permit = _gate.TryEnter();
        if (!permit.IsAdmitted) return Refuse(context, permit.Reason);
        var outcome = await callback(context, state).ConfigureAwait(context.ContinueOnCapturedContext);
        permit.Complete(await JudgeAsync(context, outcome).ConfigureAwait(context.ContinueOnCapturedContext));
        return outcome;
    }

    private Outcome<TResult> Refuse(ResilienceContext context, Reason reason)
    {
        var outcome = Refusals.FromException<TResult>(new RefusedException(reason));
        telemetry.Report(new ResilienceEvent(ResilienceEventSeverity.Warning, "OnGateRefused"), context, outcome, reason);
        return outcome;
    }

    private async ValueTask<Outcome> JudgeAsync(ResilienceContext context, Outcome<TResult> outcome)
    {
        var isIgnored = outcome.Exception switch
        {
            OperationCanceledException => context.CancellationToken.IsCancellationRequested,
            // A time-out is the one rejection for which the call was made.
            TimeoutRejectedException => false,
            ExecutionRejectedException => true,
            _ => false,
        };
        if (isIgnored) return Outcome.Ignored;
        var isFailure = await _isFailure(new CircuitBreakerPredicateArguments<TResult>(context, outcome)).ConfigureAwait(context.ContinueOnCapturedContext);
        return isFailure ? Outcome.Failure : Outcome.Success;
    }
}
