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
        var running = new List<Attempt>();
        channel.RetryBudget.OnFirstAttempt();
        try
        {
            return await RunAsync(call, next, running);
        }
        finally
        {
            foreach (var attempt in running) attempt.Call.Dispose();
        }
    }

    private async Task<CallOutcome> RunAsync(ClientCall call, ClientStep next, List<Attempt> running)
    {
        var (attempts, mostAttempts, sentAgain, wait) = (1, channel.Options.Retry.MaxAttempts, false, delay);
        CallOutcome? failure = null;
        running.Add(Launch(call, next, previousAttempts: 0));
        while (true)
        {
            if (running.Count == 0 && (attempts == mostAttempts || !channel.Time.Allows(wait, call.Remaining))) return failure!.AsGivenUp();
            var attempt = await FirstAsync(call, running, attempts < mostAttempts ? wait : Timeout.InfiniteTimeSpan);
            if (attempt is null)
            {
                if (call.Stopped is { } stopped) return stopped;
                if (channel.RetryBudget.TryTakeRetry())
                {
                    channel.Telemetry.CountRetry(call.Method);
                    running.Add(Launch(call, next, attempts++));
                }
                else
                {
                    mostAttempts = attempts;
                }
                wait = delay;
                continue;
            }
            running.Remove(attempt);
            var outcome = await attempt.Outcome;
            if (!sentAgain && RetryLink.MaySendAgainAtOnce(outcome) && call.Stopped is null)
            {
                sentAgain = true;
                running.Add(Launch(call, next, attempts - 1));
                continue;
            }
            if (outcome.IsOk) channel.RetryBudget.OnSuccess();
            if (!RetryLink.MayPass(outcome))
            {
                call.Adopt(attempt.Call);
                return call.Stopped ?? outcome;
            }
            channel.RetryBudget.OnRetryableFailure();
            failure = outcome;
            // Without a word from the server the next attempt need not wait when no other runs.
            wait = RetryLink.FindPushback(outcome) ?? (running.Count == 0 ? TimeSpan.Zero : delay);
            if (wait < TimeSpan.Zero) mostAttempts = attempts;
        }
    }

    private static Attempt Launch(ClientCall call, ClientStep next, int previousAttempts)
    {
        var twin = call.CreateTwin();
        twin.PreviousAttempts = previousAttempts;
        twin.Tried = [.. call.Tried ??= []];
        twin.Start(call.Remaining, call.Stopping);
        var outcome = SendAsync(twin, next);
        // The next one goes elsewhere, also while this one runs.
        if (twin.Node is { } node) call.Tried.Add(node);
        return new Attempt(twin, outcome);
    }

    private static async Task<CallOutcome> SendAsync(ClientCall twin, ClientStep next)
    {
        var outcome = await next(twin);
        await twin.EndTwinAsync();
        return outcome;
    }

    // The attempt that ended first, or null when this much time was over before, or the call was stopped.
    private async Task<Attempt?> FirstAsync(ClientCall call, List<Attempt> running, TimeSpan wait)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(call.Stopping);
        var over = Task.Delay(wait, channel.Clock, timer.Token);
        var done = await Task.WhenAny(running.Select(attempt => (Task)attempt.Outcome).Append(over));
        await timer.CancelAsync();
        return running.Find(attempt => attempt.Outcome == done);
    }
}
