namespace FeedMall.Resilience.Gates;

/// <summary>A gate that decides by how much work is in flight: limiters and bulkheads. An <see cref="Queueing.AdmissionQueue"/> can stand in front of it.</summary>
public abstract class ConcurrencyGate : Gate
{
    private int _inFlight;
    // Set by the queue in front, before it lets anybody wait.
    private Action<long>? _placeFreed;

    private protected ConcurrencyGate(TimeProvider clock) : base(clock) => Clock = clock;

    /// <summary>Admitted and not completed.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>How long work takes at best, as far as the gate knows: with less time left it need not start. Zero: unknown.</summary>
    internal virtual TimeSpan LeastTime(long now) => TimeSpan.Zero;

    private protected TimeProvider Clock { get; }

    /// <summary>Names who is told of each place that becomes free.</summary>
    /// <exception cref="InvalidOperationException">Somebody is told already.</exception>
    internal void TellOfFreePlaces(Action<long> placeFreed)
    {
        if (Interlocked.CompareExchange(ref _placeFreed, placeFreed, null) is not null)
            throw new InvalidOperationException("a queue stands in front of this gate already");
    }

    /// <summary>Nobody is told any more, if it was this one.</summary>
    internal void StopTelling(Action<long> placeFreed) => Interlocked.CompareExchange(ref _placeFreed, null, placeFreed);

    /// <summary>Decides for one more, while so many are in flight. May be asked again for the same work when another thread was faster.</summary>
    private protected abstract Reason Judge(int inFlight, long now);

    /// <summary>Work has ended; it is not in flight any more.</summary>
    private protected virtual void OnEnded(long admittedAt, long now, Outcome outcome) { }

    /// <inheritdoc/>
    protected sealed override Reason TryAdmit(long now)
    {
        // A refusal writes nothing, so that a flood of them does not slow the others down.
        while (true)
        {
            var inFlight = Volatile.Read(ref _inFlight);
            var reason = Judge(inFlight, now);
            if (reason != Reason.None) return reason;
            if (Interlocked.CompareExchange(ref _inFlight, inFlight + 1, inFlight) == inFlight) return Reason.None;
        }
    }

    /// <inheritdoc/>
    protected sealed override void AdmitAnyway(long now) => Interlocked.Increment(ref _inFlight);

    /// <inheritdoc/>
    protected sealed override void OnCompleted(long admittedAt, long now, Outcome outcome)
    {
        Interlocked.Decrement(ref _inFlight);
        OnEnded(admittedAt, now, outcome);
        Volatile.Read(ref _placeFreed)?.Invoke(now);
    }
}
