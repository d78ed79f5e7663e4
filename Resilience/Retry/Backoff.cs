namespace FeedMall.Resilience.Retry;

/// <summary>
/// How long to wait before the next attempt. With b = min(Max, Min · Factor^attempt) the kinds of <see cref="JitterKind"/> apply.
/// The cut at Max comes before the jitter (except in Seed), so late waits are spread as widely as early ones. (ALGORITHMS §8.1.)
/// </summary>
public sealed class Backoff
{
    private readonly BackoffOptions _options;
    private readonly IChance _chance;

    /// <summary>Checks the options.</summary>
    public Backoff(BackoffOptions options, IChance chance)
    {
        options.Check();
        _options = options;
        _chance = chance;
    }

    /// <summary>The wait before the next attempt.</summary>
    /// <param name="attempt">How many waits came before this one, from 0.</param>
    /// <param name="previous">The last wait, or zero before the first; only <see cref="JitterKind.Decorrelated"/> looks at it.</param>
    public TimeSpan Next(int attempt, TimeSpan previous = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(attempt);
        if (_options.Min >= _options.Max) return _options.Max;

        double min = _options.Min.Ticks, max = _options.Max.Ticks;
        // Far attempts overflow to infinity, and 0 · infinity would be no number.
        var nominal = Math.Min(double.MaxValue, min * Math.Pow(_options.Factor, attempt));
        var bounded = Math.Min(max, nominal);
        var ticks = _options.Jitter switch
        {
            JitterKind.None => bounded,
            JitterKind.Seed => Math.Clamp(Between(min, nominal), min, max),
            JitterKind.Full => Between(min / 2, bounded),
            JitterKind.Equal => Between(bounded / 2, bounded),
            _ => Math.Min(max, Between(min, 3 * Math.Max(min, previous.Ticks))),
        };
        return TimeSpan.FromTicks((long)Math.Round(ticks));
    }

    private double Between(double low, double high) => low + _chance.NextDouble() * (high - low);
}
