namespace FeedMall.Resilience.Deadlines;

/// <summary>
/// How much time a call gets out of what its caller has left. Every hop spends some, so every hop hands on less; who has too little left does not begin.
/// (ALGORITHMS §7.1, rules 1 to 3.)
/// </summary>
/// <param name="NetworkAllowance">Kept from what is left for the way of the answer, so that the caller can still use it. 0 within a machine, about 10 ms between machines.</param>
/// <param name="Floor">With less than this a call is not sent: it would only load the one that is called.</param>
public readonly record struct DeadlineBudget(TimeSpan NetworkAllowance, TimeSpan Floor)
{
    /// <summary>What a request gets: what its caller says, but never more than the server's own limit, which also holds when the caller says nothing.</summary>
    public static TimeSpan Accept(TimeSpan? asked, TimeSpan serverDefault) => asked < serverDefault ? asked.Value : serverDefault;

    /// <summary>The time for a call; below 0 when there is none.</summary>
    /// <param name="own">What the caller gives this callee at most.</param>
    /// <param name="remaining">Until the deadline of the request that is being answered; null when there is none.</param>
    public TimeSpan Shrink(TimeSpan own, TimeSpan? remaining) => remaining - NetworkAllowance is { } left && left < own ? left : own;

    /// <summary>Whether a call with this time is sent: <see cref="Reason.None"/>, or why not. A refusal is neither a failure of the callee nor worth a retry.</summary>
    public Reason Check(TimeSpan time) => time < Floor ? Reason.DeadlineInsufficient : Reason.None;

    /// <summary>Whether a wait, such as that before a retry, leaves enough time for what comes after it.</summary>
    /// <param name="remaining">Now.</param>
    public bool Allows(TimeSpan wait, TimeSpan remaining) => wait < remaining - Floor;
}
