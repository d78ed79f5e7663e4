namespace FeedMall.Resilience.RateLimiting;

/// <summary>Settings of <see cref="LeakyBucketMeter"/>.</summary>
public sealed record LeakyBucketOptions
{
    /// <summary>What runs out per second. 0 or 0.000001 to 1 000 000 000; default 100.</summary>
    public double Leak { get; init; } = 100;

    /// <summary>What the bucket holds. 1 to 1 000 000 000; default 100.</summary>
    public double Capacity { get; init; } = 100;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        if (Leak != 0 && Leak is not (>= 1e-6 and <= 1e9)) throw new ArgumentOutOfRangeException(nameof(Leak), Leak, "must be 0 or 0.000001 to 1000000000");
        if (Capacity is not (>= 1 and <= 1e9)) throw new ArgumentOutOfRangeException(nameof(Capacity), Capacity, "must be 1 to 1000000000");
    }

    internal TokenBucketOptions Mirrored()
    {
        Check();
        return new TokenBucketOptions { Rate = Leak, Burst = Capacity };
    }
}

/// <summary>
/// A bucket with a hole: what is poured in must find room, and room comes back at a steady rate. Decides as the <see cref="TokenBucket"/> does, whose
/// mirror it is (level = capacity − tokens), for those who think in levels: bytes of a queue, work that was begun. Starts empty. (ALGORITHMS §5.3.)
/// </summary>
public sealed class LeakyBucketMeter
{
    // Guards the change of the options, so that they and the room stay together.
    private readonly Lock _changing = new();
    private readonly TokenBucket _room;
    private LeakyBucketOptions _options;

    /// <summary>An empty bucket. Checks the options.</summary>
    public LeakyBucketMeter(LeakyBucketOptions options, TimeProvider clock)
    {
        _options = options;
        _room = new TokenBucket(options.Mirrored(), clock);
    }

    /// <summary>Setting them keeps the room that is there, up to the new capacity.</summary>
    public LeakyBucketOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            var room = value.Mirrored();
            lock (_changing)
            {
                _room.Options = room;
                Volatile.Write(ref _options, value);
            }
        }
    }

    /// <summary>True: decide and count as always, but let everything pass.</summary>
    public bool DryRun
    {
        get => _room.DryRun;
        set => _room.DryRun = value;
    }

    /// <summary>What is in the bucket.</summary>
    public double Level => Options.Capacity - _room.Snapshot().Tokens;

    /// <summary>Pours in if there is room for all of it. Allocates nothing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More than the capacity, or less than 0.</exception>
    public RateDecision TryPour(int amount = 1) => _room.TryTake(amount);

    /// <summary>For governor, console and tests; the tokens are the room.</summary>
    public RateSnapshot Snapshot() => _room.Snapshot();
}
