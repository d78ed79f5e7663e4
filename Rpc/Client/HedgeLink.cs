namespace FeedMall.Rpc.Client;

/// <summary>
/// Sends an idempotent call to a second server when the first one takes long, and takes the answer that comes first (spec §8). Every
/// attempt but the first comes out of the retry budget, so a service that is slow for everybody is not asked twice as often.
/// </summary>
internal sealed class HedgeLink(RpcChannel channel, TimeSpan delay)
{
    private sealed record Attempt(ClientCall Call, Task<CallOutcome> Outcome);

    /// <summary>Runs the call; every attempt goes through <paramref name="next"/> as a call of its own, and the winner's answer becomes this one's.</summary>
    public async ValueTask<CallOutcome> RunAsync(ClientCall call, ClientStep next)
    {
        var budget = channel.RetryBudget;
        var mostAttempts = channel.Options.Retry.MaxAttempts;
        var running = new List<Attempt>();
        var launched = 0;
        CallOutcome? failure = null;
        budget.OnFirstAttempt();
        try
        {
            while (true)
            {
                if (launched == 0 || (launched < mostAttempts && budget.TryTakeRetry())) running.Add(Launch(call, next, launched++));
                else launched = mostAttempts;
                if (running.Count == 0) return failure!.AsGivenUp();

                var (outcome, isLast) = await FirstAsync(call, running, mayLaunch: launched < mostAttempts);
                if (isLast) return outcome!;
                failure = outcome ?? failure;
            }
        }
        finally
        {
            foreach (var attempt in running) attempt.Call.Dispose();
        }
    }

    private static Attempt Launch(ClientCall call, ClientStep next, int number)
    {
        var twin = call.CreateTwin();
        twin.PreviousAttempts = number;
        twin.Tried = call.Tried ??= [];
        twin.Start(call.Remaining, call.Stopping);
        var outcome = next(twin).AsTask();
        // The next one goes elsewhere, also while this one runs.
        if (twin.Node is { } node) call.Tried.Add(node);
        return new Attempt(twin, outcome);
    }

    // The outcome that ends the call; or, when it is time for another attempt, the failure of the last one that ran, if none does.
    private async Task<(CallOutcome? Outcome, bool IsLast)> FirstAsync(ClientCall call, List<Attempt> running, bool mayLaunch)
    {
        using var timer = new CancellationTokenSource();
        var patience = Task.Delay(mayLaunch ? delay : Timeout.InfiniteTimeSpan, channel.Clock, timer.Token);
        while (true)
        {
            var done = await Task.WhenAny(running.Select(attempt => (Task)attempt.Outcome).Append(patience));
            if (done == patience) return (null, false);
            var attempt = running.Find(one => one.Outcome == done)!;
            var outcome = await attempt.Outcome;
            running.Remove(attempt);
            if (outcome.IsOk) channel.RetryBudget.OnSuccess();
            else if (RetryLink.MayPass(outcome)) channel.RetryBudget.OnRetryableFailure();
            if (outcome.IsOk || !RetryLink.MayPass(outcome))
            {
                await timer.CancelAsync();
                call.Adopt(attempt.Call);
                return (call.Stopped ?? outcome, true);
            }
            if (running.Count > 0) continue;
            await timer.CancelAsync();
            return (outcome, false);
        }
    }
}
