namespace FeedMall.Resilience.Retry;

/// <summary>What a retry budget has done and has left.</summary>
/// <param name="Available">Retries that it would grant now if nothing else happened; 0 when none.</param>
/// <param name="Granted">Retries granted since the start.</param>
/// <param name="Refused">Retries refused since the start.</param>
public readonly record struct RetryBudgetSnapshot(double Available, long Granted, long Refused);

/// <summary>
/// Keeps retries a small share of the traffic, so that callers do not finish off a server that is failing. One for each client × target service,
/// never one for all: a sick target must not use up the retries of a healthy one. (ALGORITHMS §8.3.)
/// </summary>
/// <remarks>
/// For each call: <see cref="OnFirstAttempt()"/> once; after an attempt <see cref="OnSuccess"/>, or on a failure that could be retried
/// <see cref="OnRetryableFailure"/> and then <see cref="TryTakeRetry"/>. Thread safe; nothing is allocated.
/// </remarks>
public abstract class RetryBudget
{
    private long _granted;
    private long _refused;

    private protected RetryBudget() { }

    /// <summary>A call begins; its retries do not count here.</summary>
    public virtual void OnFirstAttempt() { }

    /// <summary>The same for a caller that has just read the clock.</summary>
    /// <param name="now">The clock's timestamp.</param>
    public virtual void OnFirstAttempt(long now) { }

    /// <summary>An attempt, first or not, succeeded.</summary>
    public virtual void OnSuccess() { }

    /// <summary>An attempt, first or not, failed in a way that allows another one.</summary>
    public virtual void OnRetryableFailure() { }

    /// <summary>Takes one retry out of the budget. False: fail now with the last error.</summary>
    public bool TryTakeRetry()
    {
        var taken = TryTake();
        Interlocked.Increment(ref taken ? ref _granted : ref _refused);
        return taken;
    }

    /// <summary>For governor, console and tests.</summary>
    public RetryBudgetSnapshot Snapshot() => new(Available(), Interlocked.Read(ref _granted), Interlocked.Read(ref _refused));

    private protected abstract bool TryTake();

    private protected abstract double Available();
}
