using System.Globalization;
using System.Runtime.CompilerServices;
using FeedMall.Resilience.Retry;
using FeedMall.Rpc.Errors;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>
/// Tries a call again where that cannot do harm (spec §8): once more, whatever it does, when the server has not begun it; else by the
/// policy, when the method is idempotent or the call has an idempotency key, the failure passes, the budget allows it and the deadline leaves room.
/// </summary>
internal sealed class RetryLink(RpcChannel channel)
{
    private readonly RetryOptions _options = channel.Options.Retry;
    private readonly RetryBudget _budget = channel.RetryBudget;
    private readonly Backoff _backoff = new(channel.Options.Retry.Backoff, channel.Chance);
    private readonly HedgeLink? _hedge = channel.Options.Retry.HedgingDelay is { } delay ? new HedgeLink(channel, delay) : null;

    public ValueTask<CallOutcome> RunAsync(ClientCall call, ClientStep next) =>
        _hedge is not null && call.HasSingleMessages && channel.IsIdempotent(call.Method) ? _hedge.RunAsync(call, next) : RunOnceOrMoreAsync(call, next);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CallOutcome> RunOnceOrMoreAsync(ClientCall call, ClientStep next)
    {
        _budget.OnFirstAttempt(call.StartedAt);
        var outcome = await next(call);
        if (!outcome.IsOk) return await RetryAsync(call, next, outcome);
        _budget.OnSuccess();
        return outcome;
    }

    private async Task<CallOutcome> RetryAsync(ClientCall call, ClientStep next, CallOutcome outcome)
    {
        var sentAgain = false;
        var waits = 0;
        var wait = TimeSpan.Zero;
        while (!outcome.IsOk && call.Stopped is null && !call.IsCommitted && call.Requests.CanSendAgain)
        {
            if (call.Node is { } node) (call.Tried ??= []).Add(node);
            if (!sentAgain && MaySendAgainAtOnce(outcome))
            {
                sentAgain = true;
                outcome = await next(call);
                continue;
            }
            if (!IsRetryable(call, outcome)) return outcome;
            _budget.OnRetryableFailure();
            var pushback = FindPushback(outcome);
            if (pushback is { Ticks: < 0 } || call.PreviousAttempts + 1 >= _options.MaxAttempts) return outcome.AsGivenUp();
            // A server that names a time starts the backoff anew.
            waits = pushback is null ? waits : 0;
            wait = pushback ?? _backoff.Next(waits++, wait);
            if (!channel.Time.Allows(wait, call.Remaining)) return outcome.AsGivenUp();
            if (!_budget.TryTakeRetry())
            {
                Tell(CallTurn.GivenUp, call, outcome);
                return outcome.AsGivenUp();
            }
            if (!await WaitAsync(call, wait)) return call.Stopped!;
            call.PreviousAttempts++;
            channel.Telemetry.CountRetry(call.Method);
            Tell(CallTurn.Retried, call, outcome);
            outcome = await next(call);
        }
        if (outcome.IsOk) _budget.OnSuccess();
        return outcome;
    }

    private void Tell(CallTurn turn, ClientCall call, CallOutcome outcome) =>
        channel.Options.OnTurn?.Invoke(new CallNote(turn, call.Method.FullName, outcome.Reason));

    private async Task<bool> WaitAsync(ClientCall call, TimeSpan wait)
    {
        await Task.Delay(wait, channel.Clock, call.Stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return call.Stopped is null;
    }

    /// <summary>Whether a call that was not begun goes out once more without any policy. A refused stream is not: the transport has done that itself, three times.</summary>
    public static bool MaySendAgainAtOnce(CallOutcome outcome) => outcome.Reach != Reach.NotStarted && WasNotStarted(outcome);

    private static bool WasNotStarted(CallOutcome outcome) =>
        outcome.Reach is Reach.NotStarted or Reach.NoConnection or Reach.NothingSent || (outcome.Status.StatusCode == StatusCode.Unavailable && outcome.ToException().SaysNotStarted());

    private bool IsRetryable(ClientCall call, CallOutcome outcome) =>
        _options.MaxAttempts > 1 && (call.MayBeRepeated || WasNotStarted(outcome)) && MayPass(outcome);

    /// <summary>Whether a failure may be gone when the call is sent again (spec §8.4). What is exhausted is left in peace unless it says itself when to come back.</summary>
    public static bool MayPass(CallOutcome outcome) => outcome.Status.StatusCode switch
    {
        StatusCode.Unavailable => outcome.Reach != Reach.Here && !outcome.ToException().SaysNoRetry(),
        StatusCode.ResourceExhausted => FindPushback(outcome) is { Ticks: >= 0 },
        _ => false,
    };

    /// <summary>When the server wants to be tried again; negative (or unreadable): not at all (spec §8.5).</summary>
    public static TimeSpan? FindPushback(CallOutcome outcome)
    {
        if (outcome.Trailers.GetValue(HeaderNames.RetryPushback) is not { } text) return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
            ? TimeSpan.FromMilliseconds(milliseconds)
            : TimeSpan.FromMilliseconds(-1);
    }
}
