namespace FeedMall.Resilience.Retry;

/// <summary>What a retry budget has done and has left.</summary>
/// <param name="Available">Retries that it would grant now if nothing else happened; 0 when none.</param>
/// <param name="Granted">Retries granted since the start, those of the dry run included.</param>
/// <param name="Refused">Retries refused since the start.</param>
/// <param name="WouldHaveRefused">Granted only because of the dry run.</param>
public readonly record struct RetryBudgetSnapshot(double Available, long Granted, long Refused, long WouldHaveRefused);

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
    private volatile bool _dryRun;
    private long _granted;
    private long _refused;
    private long _wouldHaveRefused;

    private protected RetryBudget() { }

    /// <summary>
    /// True: decide and count as always, but grant every retry. One that is granted only because of that is not taken out of the budget. May be changed at any time.
    /// </summary>
    public bool DryRun
    {
        get => _dryRun;
        set => _dryRun = value;
    }

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
        if (!taken)
        {
            var dryRun = _dryRun;
            Interlocked.Increment(ref dryRun ? ref _wouldHaveRefused : ref _refused);
            if (!dryRun) return false;
        }
        Interlocked.Increment(ref _granted);
        return true;
    }

    /// <summary>For governor, console and tests.</summary>
    public RetryBudgetSnapshot Snapshot() =>
        new(Available(), Interlocked.Read(ref _granted), Interlocked.Read(ref _refused), Interlocked.Read(ref _wouldHaveRefused));

    private protected abstract bool TryTake();

    private protected abstract double Available();
}
