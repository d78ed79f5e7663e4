using FeedMall.Resilience.Windows;

namespace FeedMall.Resilience.Retry;

/// <summary>Settings of <see cref="WindowRetryBudget"/>.</summary>
public sealed record WindowRetryBudgetOptions
{
    /// <summary>Retries per first attempt. 0 to 1, three decimals count; default 0.1.</summary>
    public double Ratio { get; init; } = 0.1;

    /// <summary>Retries per second that are granted without any traffic to pay for them, for clients with few calls. 0 to 1000; default 1.</summary>
    public double MinRetriesPerSecond { get; init; } = 1;

    /// <summary>How far back attempts count. 1 s to 10 min; default 10 s.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Ratio, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Ratio, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MinRetriesPerSecond, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MinRetriesPerSecond, 1000);
        ArgumentOutOfRangeException.ThrowIfLessThan(Window, TimeSpan.FromSeconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Window, TimeSpan.FromMinutes(10));
    }
}

/// <summary>
/// The default budget: retries in the window ≤ Ratio · first attempts in the window + MinRetriesPerSecond · window in seconds.
/// With the defaults a target that always fails sees at most 1.1 × the first attempts, and 10 more per 10 s. (ALGORITHMS §8.3, form 1.)
/// </summary>
public sealed class WindowRetryBudget : RetryBudget
{
    private const int Buckets = 10;

    // Held from the check to the take, so that two threads cannot both take the last retry, and while the options change. First attempts need it not: they only add to
    // the bound.
    private readonly Lock _gate = new();
    private readonly TimeProvider _clock;
    // Successes are first attempts, failures are retries.
    private readonly OutcomeWindow _window;
    private WindowRetryBudgetOptions _options;

    /// <summary>Checks the options.</summary>
    public WindowRetryBudget(WindowRetryBudgetOptions options, TimeProvider clock)
    {
        options.Check();
        _clock = clock;
        _options = options;
        _window = new OutcomeWindow(Buckets, options.Window / Buckets, clock);
    }

    /// <summary>May be set at any time; the attempts that were counted stay.</summary>
    public WindowRetryBudgetOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            lock (_gate)
            {
                if (value.Window != _options.Window) _window.Reshape(Buckets, value.Window / Buckets);
                Volatile.Write(ref _options, value);
            }
        }
    }

    /// <inheritdoc/>
    public override void OnFirstAttempt() => OnFirstAttempt(_clock.GetTimestamp());

    /// <inheritdoc/>
    public override void OnFirstAttempt(long now) => _window.AddSuccess(now);

    private protected override bool TryTake()
    {
        lock (_gate)
        {
            if (AvailableThousandths() < 1000) return false;
            _window.AddFailure(_clock.GetTimestamp());
            return true;
        }
    }

    private protected override double Available()
    {
        lock (_gate) return Math.Max(0, AvailableThousandths() / 1000.0);
    }

    // In whole thousandths, because 0.1 is not exact as a double.
    private long AvailableThousandths()
    {
        var counted = _window.Read(_clock.GetTimestamp());
        return (long)Math.Round(_options.Ratio * 1000) * counted.Successes
            + (long)Math.Round(_options.MinRetriesPerSecond * _options.Window.TotalSeconds * 1000) - 1000 * counted.Failures;
    }
}
