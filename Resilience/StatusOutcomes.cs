namespace FeedMall.Resilience;

/// <summary>
/// What an answer says about the one who gave it: the one table for breakers and balancers. A refusal by the business is a success; overload, too late and
/// broken are failures; what the caller gave up itself is ignored. (ALGORITHMS §2.3, "ours".)
/// </summary>
public static class StatusOutcomes
{
    /// <summary>Of a gRPC status code, 0 to 16. Report a deadline of our own as DEADLINE_EXCEEDED (4), not as CANCELLED (1).</summary>
    /// <param name="unknown">What UNKNOWN (2) counts as: our servers answer INTERNAL for what they did not expect, so that a remote UNKNOWN is meant.</param>
    public static Outcome OfGrpc(int code, Outcome unknown = Outcome.Success) => code switch
    {
        // CANCELLED
        1 => Outcome.Ignored,
        2 => unknown,
        // DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE, DATA_LOSS
        4 or 8 or 13 or 14 or 15 => Outcome.Failure,
        // UNIMPLEMENTED too: a mistake in a deployment is no overload.
        _ => Outcome.Success,
    };

    /// <summary>Of an HTTP status code. No answer at all (refused, reset, TLS) is a failure.</summary>
    public static Outcome OfHttp(int status) => status switch
    {
        499 => Outcome.Ignored,
        429 or 500 or 502 or 503 or 504 => Outcome.Failure,
        _ => Outcome.Success,
    };
}
