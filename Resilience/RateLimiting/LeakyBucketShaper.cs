namespace FeedMall.Resilience.RateLimiting;

/// <summary>Settings of <see cref="LeakyBucketShaper"/>.</summary>
public sealed record ShaperOptions
{
    /// <summary>Requests per second. 0.000001 to 1 000 000 000; default 100.</summary>
    public double Rate { get; init; } = 100;

    /// <summary>How many requests may follow the first one without a wait after idle time. 0 to 1 000 000; default 10.</summary>
    public int Slack { get; init; } = 10;

    /// <summary>Most requests that wait at once. 0 to 1 000 000; default 1000.</summary>
    public int MaxQueue { get; init; } = 1000;

    /// <summary>Longest wait, whatever time the request has. 0 to 1 h; default 1 s.</summary>
    public TimeSpan MaxWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        if (Rate is not (>= 1e-6 and <= 1e9)) throw new ArgumentOutOfRangeException(nameof(Rate), Rate, "must be 0.000001 to 1000000000");
        ArgumentOutOfRangeException.ThrowIfNegative(Slack);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Slack, 1_000_000);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxQueue);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxQueue, 1_000_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxWait, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxWait, TimeSpan.FromHours(1));
    }

    internal TokenBucketOptions Bucket()
    {
        Check();
        return new TokenBucketOptions { Rate = Rate, Burst = Slack + 1 };
    }
}

/// <summary>What a shaper has and has done.</summary>
/// <param name="Waiting">Requests that wait now.</param>
/// <param name="Admitted">Let pass, at once or after a wait, and those of the dry run.</param>
/// <param name="Refused">Refused at once: the queue was full or the wait too long.</param>
/// <param name="WouldHaveRefused">Let pass only because of the dry run.</param>
public readonly record struct ShaperSnapshot(int Waiting, long Admitted, long Refused, long WouldHaveRefused);

/// <summary>
/// Spaces requests out: each gets the next slot of a schedule and waits for it, one period after the one before. Idle time saves up slots, as many as the slack,
/// that pass without a wait. For work that must flow evenly, such as calls to a partner. (ALGORITHMS §5.3.)
/// </summary>
/// <remarks>
/// It is a token bucket of slack + 1 that starts with one token and lets takers wait, so the schedule is one word and has no queue of its own; waiting is a timer.
/// </remarks>
public sealed class LeakyBucketShaper
{
    // Guards the change of the options, so that they and the slots stay together.
    private readonly Lock _changing = new();
    private readonly TimeProvider _clock;
    private readonly TokenBucket _slots;
    private ShaperOptions _options;
    private int _waiting;

    /// <summary>A schedule that begins now. Checks the options.</summary>
    public LeakyBucketShaper(ShaperOptions options, TimeProvider clock)
    {
        _options = options;
        _clock = clock;
        _slots = new TokenBucket(options.Bucket(), tokens: 1, clock);
    }

    /// <summary>Setting them keeps the slots that are given; later ones follow at the new rate.</summary>
    public ShaperOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            var bucket = value.Bucket();
            lock (_changing)
            {
                _slots.Options = bucket;
                Volatile.Write(ref _options, value);
            }
        }
    }

    /// <summary>True: give slots and count as always, but nobody waits or is refused.</summary>
    public bool DryRun
    {
        get => _slots.DryRun;
        set => _slots.DryRun = value;
    }

    /// <summary>
    /// Waits for the request's slot. It is refused at once when its slot comes later than <see cref="ShaperOptions.MaxWait"/> or the remaining time, or when too many
    /// wait already; a cancelled one gives its slot back.
    /// </summary>
    /// <param name="remaining">What the request has left until its deadline.</param>
    public ValueTask<RateDecision> EnterAsync(TimeSpan remaining, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var options = Options;
        var maxWait = remaining < options.MaxWait ? remaining : options.MaxWait;
        // The place in the queue comes first: a slot that is taken and given back would stay empty when others stand behind it.
        if (Interlocked.Increment(ref _waiting) > options.MaxQueue) maxWait = TimeSpan.Zero;
        var decision = _slots.TryReserve(1, maxWait, out var slot);
        if (slot is { Wait.Ticks: > 0 }) return WaitAsync(slot, decision, cancellation);
        Interlocked.Decrement(ref _waiting);
        return ValueTask.FromResult(decision);
    }

    /// <summary>For governor, console and tests.</summary>
    public ShaperSnapshot Snapshot()
    {
        var (_, admitted, refused, wouldHaveRefused) = _slots.Snapshot();
        return new(Volatile.Read(ref _waiting), admitted, refused, wouldHaveRefused);
    }

    private async ValueTask<RateDecision> WaitAsync(Reservation slot, RateDecision decision, CancellationToken cancellation)
    {
        try
        {
            await slot.WaitAsync(_clock, cancellation);
            return decision;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }
}
