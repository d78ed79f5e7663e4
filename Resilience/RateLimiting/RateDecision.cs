namespace FeedMall.Resilience.RateLimiting;

/// <summary>The answer of a rate limiter.</summary>
/// <param name="IsAdmitted">True: go on.</param>
/// <param name="Reason">Why not. On an admitted one: why it would have been refused, were there no dry run.</param>
/// <param name="RetryAfter">After which time the same question can have another answer; <see cref="TimeSpan.MaxValue"/>: never. 0 when nothing was refused.</param>
public readonly record struct RateDecision(bool IsAdmitted, Reason Reason, TimeSpan RetryAfter)
{
    internal static RateDecision Admitted => new(true, Reason.None, TimeSpan.Zero);
}

/// <summary>What a rate limiter has and has done.</summary>
/// <param name="Tokens">What can be taken now; below 0 while reservations wait.</param>
/// <param name="Admitted">Questions that were let pass, those of the dry run included.</param>
/// <param name="Refused">Questions that were refused.</param>
/// <param name="WouldHaveRefused">Let pass only because of the dry run.</param>
public readonly record struct RateSnapshot(double Tokens, long Admitted, long Refused, long WouldHaveRefused);
