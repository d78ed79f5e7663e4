namespace FeedMall.Resilience.Gates;

/// <summary>What every gate has counted since its start.</summary>
/// <param name="Admitted">Let in, those of the dry run included.</param>
/// <param name="Refused">Turned away.</param>
/// <param name="WouldHaveRefused">Let in only because of the dry run.</param>
public readonly record struct GateCounts(long Admitted, long Refused, long WouldHaveRefused);

/// <summary>
/// Decides whether a piece of work may begin, and learns how it ended: breakers, adaptive limiters, bulkheads. Thread safe; neither
/// <see cref="TryEnter"/> nor <see cref="Permit.Complete"/> waits or allocates (but for the first time that so many permits are out at once).
/// </summary>
public abstract class Gate
{
    private readonly PermitPlaces _places = new();
    private readonly TimeProvider _clock;
    private volatile bool _dryRun;
    private long _refused;
    private long _wouldHaveRefused;

    /// <summary>A gate that has counted nothing yet.</summary>
    protected Gate(TimeProvider clock) => _clock = clock;

    /// <summary>True: decide and count as always, but let everything in. May be changed at any time.</summary>
    public bool DryRun
    {
        get => _dryRun;
        set => _dryRun = value;
    }

    /// <summary>What was let in and what was not.</summary>
    public GateCounts Counts => new(_places.Taken, Interlocked.Read(ref _refused), Interlocked.Read(ref _wouldHaveRefused));

    /// <summary>Asks for a permit. Give it back exactly once: <c>using</c> does it at the latest.</summary>
    public Permit TryEnter()
    {
        var now = _clock.GetTimestamp();
        var permit = TryEnterUncounted(now);
        if (permit.IsAdmitted) return permit;
        Interlocked.Increment(ref _refused);
        OnRefused(now);
        return permit;
    }

    /// <summary>The same for a waiting room in front of the gate: a refusal here is not the last word, so it is not counted.</summary>
    internal Permit TryEnterUncounted(long now)
    {
        var reason = TryAdmit(now);
        if (reason != Reason.None)
        {
            if (!_dryRun) return Permit.Refused(reason);
            Interlocked.Increment(ref _wouldHaveRefused);
            AdmitAnyway(now);
        }
        var (place, lease) = _places.Take();
        return new Permit(this, place, lease, now, reason);
    }

    /// <summary>Decides; on <see cref="Reason.None"/> the work counts as begun.</summary>
    /// <param name="now">The clock's timestamp.</param>
    protected abstract Reason TryAdmit(long now);

    /// <summary>Counts work as begun that <see cref="TryAdmit"/> has just refused.</summary>
    protected abstract void AdmitAnyway(long now);

    /// <summary>What was refused is really turned away.</summary>
    protected virtual void OnRefused(long now) { }

    /// <summary>Work that was let in has ended. Exactly once for each permit.</summary>
    protected abstract void OnCompleted(long admittedAt, long now, Outcome outcome);

    internal bool Complete(int place, long lease, long admittedAt, Outcome outcome)
    {
        if (!_places.TryGiveBack(place, lease)) return false;
        OnCompleted(admittedAt, _clock.GetTimestamp(), outcome);
        return true;
    }
}
