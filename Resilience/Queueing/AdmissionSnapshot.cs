namespace FeedMall.Resilience.Queueing;

/// <summary>What has become of the requests of one tier since the start, and what waits now.</summary>
/// <param name="Tier">Which one.</param>
/// <param name="Admitted">Let in, at once or after waiting.</param>
/// <param name="Overloaded">Refused at once because they lie below the waterline, or when the queue was disposed of.</param>
/// <param name="QueueTimeout">Waited too long, or found the queue full.</param>
/// <param name="DeadlineExceeded">Had no time left.</param>
/// <param name="DeadlineInsufficient">Had too little time left to start.</param>
/// <param name="Cancelled">Gave up waiting.</param>
/// <param name="Waiting">Are in the queue.</param>
/// <param name="IsOverloaded">The queue of this tier has not been empty for an interval.</param>
public readonly record struct TierSnapshot(Criticality Tier, long Admitted, long Overloaded, long QueueTimeout, long DeadlineExceeded, long DeadlineInsufficient,
    long Cancelled, int Waiting, bool IsOverloaded)
{
    /// <summary>All that were refused.</summary>
    public long Refused => Overloaded + QueueTimeout + DeadlineExceeded + DeadlineInsufficient;
}

/// <summary>What an <see cref="AdmissionQueue"/> does.</summary>
/// <param name="Tiers">From critical_plus to sheddable.</param>
/// <param name="Waiting">In all tiers.</param>
/// <param name="LastTier">Requests of the tiers below are refused at once.</param>
/// <param name="LastCohort">In that tier, requests of the cohorts above this number are refused at once.</param>
public sealed record AdmissionSnapshot(IReadOnlyList<TierSnapshot> Tiers, int Waiting, Criticality LastTier, int LastCohort);
