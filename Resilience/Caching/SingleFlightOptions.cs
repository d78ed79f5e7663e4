namespace FeedMall.Resilience.Caching;

/// <summary>Settings of <see cref="SingleFlight{TKey,TValue}"/>.</summary>
public sealed record SingleFlightOptions
{
    /// <summary>How long a flight may take at most, whatever its callers ask for. 1 ms to 10 min; default 5 s.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A caller who finds a flight that is older than this begins a second one, so that one call that hangs does not hold up everybody. More than 0; null,
    /// the default, is never.
    /// </summary>
    public TimeSpan? ForgetAfter { get; init; }

    /// <summary>
    /// Loads that may run at once, those that nobody waits for any more included. 1 to 1 000 000; default 1000. Beyond it a caller who would begin another
    /// one gets a <see cref="TooManyFlightsException"/>; joining one that runs is always possible.
    /// </summary>
    public int MaxFlights { get; init; } = 1000;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(TimeLimit, TimeSpan.FromMilliseconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(TimeLimit, TimeSpan.FromMinutes(10));
        if (ForgetAfter is { } after) ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(after, TimeSpan.Zero, nameof(ForgetAfter));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxFlights, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxFlights, 1_000_000);
    }
}
