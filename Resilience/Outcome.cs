namespace FeedMall.Resilience;

/// <summary>How a piece of work ended, as far as the one who did it is to blame.</summary>
public enum Outcome : byte
{
    /// <summary>The work was done. Refusals by the business (not found, invalid) are successes.</summary>
    Success,

    /// <summary>The work was not done: unreachable, overloaded, too late, broken.</summary>
    Failure,

    /// <summary>Says nothing about the one who did it, and is not counted: the caller gave up, or the work never began.</summary>
    Ignored,
}
