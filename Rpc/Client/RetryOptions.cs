using FeedMall.Resilience.Retry;

namespace FeedMall.Rpc.Client;

/// <summary>When and how often a client tries again (spec §8).</summary>
public sealed record RetryOptions
{
    /// <summary>Attempts of a call, the first one included. 1 (never try again) to 5; default 3.</summary>
    public int MaxAttempts { get; init; } = 3;

    /// <summary>Waits between attempts. Default: 100 ms doubling up to 10 s, with full jitter.</summary>
    public BackoffOptions Backoff { get; init; } = new();

    /// <summary>Retries as a share of first attempts, over 10 s. Default 10 %, and one per second in any case.</summary>
    public WindowRetryBudgetOptions Budget { get; init; } = new();

    /// <summary>When set, gRPC's token bucket is used instead of <see cref="Budget"/>.</summary>
    public TokenRetryBudgetOptions? Tokens { get; init; }

    /// <summary>
    /// When set, an idempotent call with one request and one response that has no answer after this time is sent to another server too,
    /// and the first answer counts; at most <see cref="MaxAttempts"/>, out of the budget. 1 ms or more; default: off.
    /// </summary>
    public TimeSpan? HedgingDelay { get; init; }
}
