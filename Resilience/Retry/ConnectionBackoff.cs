namespace FeedMall.Resilience.Retry;

/// <summary>Settings of <see cref="ConnectionBackoff"/>.</summary>
public sealed record ConnectionBackoffOptions
{
    /// <summary>Nominal first wait. More than 0, at most 1 hour; default 1 s.</summary>
    public TimeSpan Initial { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest nominal wait; jitter may go above it. More than 0, at most 1 day; default 120 s.</summary>
    public TimeSpan Max { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Growth from one wait to the next. 1 to 10; default 1.6.</summary>
    public double Factor { get; init; } = 1.6;

    /// <summary>The share by which a wait may be shorter or longer. 0 to 1; default 0.2.</summary>
    public double Jitter { get; init; } = 0.2;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Initial, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Initial, TimeSpan.FromHours(1));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Max, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Max, TimeSpan.FromDays(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(Factor, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Factor, 10);
        ArgumentOutOfRangeException.ThrowIfLessThan(Jitter, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Jitter, 1);
    }
}

/// <summary>
/// How long to wait before connecting again: min(Max, Initial · Factor^attempt) · U(1 − Jitter, 1 + Jitter). The defaults are gRPC's for
/// connections; with other figures it is the backoff of gRPC's retry design (A6). (ALGORITHMS §8.1.)
/// </summary>
public sealed class ConnectionBackoff
{
    private readonly ConnectionBackoffOptions _options;
    private readonly IChance _chance;

    /// <summary>Checks the options.</summary>
    public ConnectionBackoff(ConnectionBackoffOptions options, IChance chance)
    {
        options.Check();
        _options = options;
        _chance = chance;
    }

    /// <summary>The wait before the next attempt.</summary>
    /// <param name="attempt">How many attempts have failed in a row before the one that just failed, from 0; a success starts again at 0.</param>
    public TimeSpan Next(int attempt)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(attempt);
        var nominal = Math.Min(_options.Max.Ticks, _options.Initial.Ticks * Math.Pow(_options.Factor, attempt));
        return TimeSpan.FromTicks((long)Math.Round(nominal * (1 + _options.Jitter * (2 * _chance.NextDouble() - 1))));
    }
}
