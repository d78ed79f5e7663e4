namespace FeedMall.Resilience.Balancing;

/// <summary>How a call to a node ended, as far as the node is to blame.</summary>
public enum CallResult
{
    /// <summary>The node did its work. Refusals by the business (not found, invalid) are successes of the node.</summary>
    Success,

    /// <summary>The node did not do its work: unreachable, overloaded, too late, broken.</summary>
    Failure,

    /// <summary>The caller gave up. Says nothing about the node, so neither lag nor success change.</summary>
    Cancelled,
}
