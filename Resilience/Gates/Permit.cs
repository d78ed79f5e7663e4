namespace FeedMall.Resilience.Gates;

/// <summary>
/// The answer of a <see cref="Gate"/>: either the right to work, which the holder gives back exactly once whatever happens, or a refusal with its
/// reason. Giving back again, also through a copy and also after the place was given to somebody else, does nothing.
/// </summary>
public readonly struct Permit : IDisposable
{
    private readonly Gate? _gate;
    private readonly int _place;
    private readonly long _lease;
    private readonly long _admittedAt;

    internal Permit(Gate gate, int place, long lease, long admittedAt, Reason reason)
    {
        _gate = gate;
        _place = place;
        _lease = lease;
        _admittedAt = admittedAt;
        Reason = reason;
    }

    private Permit(Reason reason) => Reason = reason;

    /// <summary>True: do the work, then give the permit back.</summary>
    public bool IsAdmitted => _gate is not null;

    /// <summary>Why it was refused. On an admitted permit: why it would have been, were the gate not in dry run.</summary>
    public Reason Reason { get; }

    /// <summary>Gives the permit back.</summary>
    /// <returns>False when it had been given back before, or was a refusal.</returns>
    public bool Complete(Outcome outcome) => _gate is not null && _gate.Complete(_place, _lease, _admittedAt, outcome);

    /// <summary>Gives the permit back without a verdict, when <see cref="Complete"/> has not been called: for work that never came to a result.</summary>
    public void Dispose() => Complete(Outcome.Ignored);

    internal static Permit Refused(Reason reason) => new(reason);
}
