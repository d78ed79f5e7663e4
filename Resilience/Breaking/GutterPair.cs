using FeedMall.Resilience.Gates;

namespace FeedMall.Resilience.Breaking;

/// <summary>Where a call of a pair goes.</summary>
public enum GutterTarget : byte
{
    /// <summary>Nowhere: it was refused.</summary>
    None,

    /// <summary>To the target that normally does the work.</summary>
    Primary,

    /// <summary>To the small one that stands by.</summary>
    Standby,
}

/// <summary>What a pair has done since its start.</summary>
/// <param name="Primary">Calls let through to the primary.</param>
/// <param name="Standby">Calls let through to the standby, those that had failed at the primary included.</param>
/// <param name="Refused">Calls that found both closed. A call that failed at the primary and found no room at the standby is none of them.</param>
public readonly record struct GutterCounts(long Primary, long Standby, long Refused);

/// <summary>The right to call one target of a pair; like <see cref="Permit"/>, given back exactly once.</summary>
public readonly struct GutterPermit : IDisposable
{
    private readonly Permit _breaker;
    private readonly Permit _place;

    internal GutterPermit(GutterTarget target, Permit breaker, Permit place, Reason reason) => (Target, _breaker, _place, Reason) = (target, breaker, place, reason);

    /// <summary>Whom to call.</summary>
    public GutterTarget Target { get; }

    /// <summary>True: call <see cref="Target"/>, then give the permit back.</summary>
    public bool IsAdmitted => Target != GutterTarget.None;

    /// <summary>Why the primary refused: the answer for the caller when nobody took the call.</summary>
    public Reason Reason { get; }

    /// <summary>Gives the permit back.</summary>
    /// <returns>False when it had been given back before, or was a refusal.</returns>
    public bool Complete(Outcome outcome)
    {
        _place.Complete(outcome);
        return _breaker.Complete(outcome);
    }

    /// <summary>Gives the permit back without a verdict, when <see cref="Complete"/> has not been called.</summary>
    public void Dispose() => Complete(Outcome.Ignored);
}

/// <summary>
/// A primary target and a small standby that takes calls while the primary's breaker drops them. When the primary is well again, its probes bring the
/// traffic back; there is no switch. (ALGORITHMS §2.9.)
/// </summary>
/// <remarks>
/// <para>The standby has a concurrency limit of its own, so that the overflow cannot be more than it can bear; what does not fit fails with the primary's
/// reason. A refusal by that limit does not count in the standby's breaker.</para>
/// <para>One step, never further: a call that went to the standby goes nowhere else. Two services that stand by for each other are two pairs.</para>
/// <para>What is written to the standby must find its way to the primary later, and what is cached there must live short (10 s at most).</para>
/// </remarks>
/// <param name="primary">The primary's breaker.</param>
/// <param name="standby">The standby's breaker.</param>
/// <param name="standbyLimit">Limits how many calls are at the standby at once.</param>
public sealed class GutterPair(Gate primary, Gate standby, Gate standbyLimit)
{
    // Guards the change of the three gates' dry run, so that they stay together.
    private readonly Lock _changing = new();
    private long _primary;
    private long _standby;
    private long _refused;

    /// <summary>
    /// Of all three gates at once. True: they decide and count as always, and every call goes to the primary. May be changed at any time; false when one of them is not.
    /// </summary>
    public bool DryRun
    {
        get => primary.DryRun && standby.DryRun && standbyLimit.DryRun;
        set
        {
            lock (_changing) primary.DryRun = standby.DryRun = standbyLimit.DryRun = value;
        }
    }

    /// <summary>What went where, for governor, console and tests.</summary>
    public GutterCounts Snapshot() => new(Interlocked.Read(ref _primary), Interlocked.Read(ref _standby), Interlocked.Read(ref _refused));

    /// <summary>Asks for a permit for the primary, or else for the standby.</summary>
    public GutterPermit TryEnter()
    {
        var permit = primary.TryEnter();
        if (permit.IsAdmitted)
        {
            Interlocked.Increment(ref _primary);
            return new GutterPermit(GutterTarget.Primary, permit, default, permit.Reason);
        }
        var other = TryEnterStandby(permit.Reason);
        if (!other.IsAdmitted) Interlocked.Increment(ref _refused);
        return other;
    }

    /// <summary>
    /// Asks for the standby after a call to the primary has failed with <see cref="Outcome.Failure"/>. Only for calls that may be made twice. When
    /// there is no room, and for a call that was at the standby already, the failure stands and the permit is a refusal.
    /// </summary>
    /// <param name="failed">The permit of the call that failed, given back.</param>
    public GutterPermit TryFailOver(in GutterPermit failed) =>
        failed.Target == GutterTarget.Primary ? TryEnterStandby(failed.Reason) : new GutterPermit(GutterTarget.None, default, default, failed.Reason);

    private GutterPermit TryEnterStandby(Reason reason)
    {
        var place = standbyLimit.TryEnter();
        if (place.IsAdmitted)
        {
            var permit = standby.TryEnter();
            if (permit.IsAdmitted)
            {
                Interlocked.Increment(ref _standby);
                return new GutterPermit(GutterTarget.Standby, permit, place, reason);
            }
            place.Dispose();
        }
        return new GutterPermit(GutterTarget.None, default, default, reason);
    }
}
