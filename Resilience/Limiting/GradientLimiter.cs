using FeedMall.Resilience.Gates;

namespace FeedMall.Resilience.Limiting;

/// <summary>What a <see cref="GradientLimiter"/> sees and decides by.</summary>
/// <param name="InFlight">Admitted and not completed.</param>
/// <param name="Limit">The limit, of which the whole part counts.</param>
/// <param name="ShortTime">Average time of the last window; zero before there was one.</param>
/// <param name="LongTime">Long-term average of the windows; zero before there was one.</param>
public readonly record struct GradientSnapshot(int InFlight, double Limit, TimeSpan ShortTime, TimeSpan LongTime);

/// <summary>
/// Limits work in flight by execution times alone, without a load signal: when the times of the last window are longer than the long-term average allows, work is
/// waiting somewhere behind the limiter, and the limit sinks by their ratio; otherwise it grows. (Gradient2, ALGORITHMS §3.8.)
/// </summary>
/// <remarks>
/// For each window: allowed = tolerance · long, but not more than Slowest, and not less than long; gradient = allowed / short, kept within 0.5 and 1; the limit moves by
/// Smoothing towards limit · gradient + Queue. It stays while not half of it was used. A long-term average of more than twice the short one sinks by 5 %, so that it comes down
/// soon after an overload. The long-term average is that of successes. A failure that took longer counts in the short one: it waited in vain, and would have taken longer still.
/// </remarks>
public sealed class GradientLimiter : ConcurrencyGate
{
    private const int WarmUp = 10;

    // Guards the sums of the window, the averages and the change of options. _limit is also read without it.
    private readonly Lock _gate = new();
    private GradientLimiterOptions _options;
    private double _limit;
    private long _windowAt;
    private long _samples;
    private double _milliseconds;
    private long _failures;
    private double _failedMilliseconds;
    private int _mostInFlight;
    private long _windows;
    private double _short;
    private double _long;

    /// <summary>Checks the options.</summary>
    public GradientLimiter(GradientLimiterOptions options, TimeProvider clock) : base(clock)
    {
        options.Check();
        _options = options;
        _limit = Math.Clamp(options.Initial, options.Min, options.Max);
        _windowAt = clock.GetTimestamp();
    }

    /// <summary>May be set at any time; the limit moves into the new bounds, and the averages stay.</summary>
    public GradientLimiterOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            lock (_gate)
            {
                Volatile.Write(ref _options, value);
                Volatile.Write(ref _limit, Math.Clamp(_limit, value.Min, value.Max));
            }
        }
    }

    /// <summary>For governor, console and tests.</summary>
    public GradientSnapshot Snapshot()
    {
        lock (_gate) return new GradientSnapshot(InFlight, _limit, TimeSpan.FromMilliseconds(_short), TimeSpan.FromMilliseconds(_long));
    }

    internal override TimeSpan LeastTime(long now) => TimeSpan.FromMilliseconds(Math.Min(Volatile.Read(ref _short), Volatile.Read(ref _long)));

    private protected override Reason Judge(int inFlight, long now) => inFlight < (int)Volatile.Read(ref _limit) ? Reason.None : Reason.Overloaded;

    private protected override void OnEnded(long admittedAt, long now, Outcome outcome)
    {
        if (outcome == Outcome.Ignored) return;
        // It was itself in flight until now.
        var inFlight = InFlight + 1;
        var milliseconds = Clock.GetElapsedTime(admittedAt, now).TotalMilliseconds;
        lock (_gate)
        {
            if (outcome == Outcome.Success) (_samples, _milliseconds) = (_samples + 1, _milliseconds + milliseconds);
            else if (_windows > 0 && milliseconds > _long) (_failures, _failedMilliseconds) = (_failures + 1, _failedMilliseconds + milliseconds);
            else return;
            _mostInFlight = Math.Max(_mostInFlight, inFlight);
            if (_samples + _failures >= _options.MinSamples && Clock.GetElapsedTime(_windowAt, now) >= _options.Window) EndWindow(now);
        }
    }

    private void EndWindow(long now)
    {
        // Times of 0 come from clocks that stand still.
        Volatile.Write(ref _short, Math.Max((_milliseconds + _failedMilliseconds) / (_samples + _failures), 1e-6));
        if (_samples > 0) Volatile.Write(ref _long, LongTerm(Math.Max(_milliseconds / _samples, 1e-6)));
        if (_mostInFlight >= _limit / 2)
        {
            var gradient = Math.Clamp(Allowed() / _short, 0.5, 1);
            var next = _limit * (1 - _options.Smoothing) + (_limit * gradient + _options.Queue) * _options.Smoothing;
            Volatile.Write(ref _limit, Math.Clamp(next, _options.Min, _options.Max));
        }
        _windowAt = now;
        (_samples, _milliseconds, _failures, _failedMilliseconds, _mostInFlight) = (0, 0, 0, 0, 0);
    }

    private double Allowed()
    {
        var allowed = _options.Tolerance * _long;
        return _options.Slowest == Timeout.InfiniteTimeSpan ? allowed : Math.Max(_long, Math.Min(allowed, _options.Slowest.TotalMilliseconds));
    }

    private double LongTerm(double average)
    {
        // The first ones count alike; later each has the weight of an exponential average over LongWindows.
        _windows++;
        var weight = _windows <= WarmUp ? 1.0 / _windows : 2.0 / (_options.LongWindows + 1);
        var next = _long + (average - _long) * weight;
        return next / average > 2 ? next * 0.95 : next;
    }
}
