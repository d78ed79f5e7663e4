namespace FeedMall.Resilience.Load;

/// <summary>A load that is measured at each tick of a timer and averaged: kept · decay + measured · (1 − decay). (ALGORITHMS §3.4.)</summary>
public abstract class SampledLoad : ILoadSignal, IDisposable
{
    // Only one tick measures at a time.
    private readonly Lock _measuring = new();
    private readonly TimeSpan _tick;
    private readonly double _decay;
    private ITimer? _timer;
    // A double: an average that is cut to whole numbers at each tick stays 19 below what it should reach.
    private double _permille;
    private long _failures;

    private protected SampledLoad(TimeSpan tick, double decay, TimeProvider clock)
    {
        _tick = tick;
        _decay = decay;
        Clock = clock;
    }

    /// <inheritdoc/>
    public double Permille => Volatile.Read(ref _permille);

    /// <summary>Ticks that could not measure. They leave the load as it was.</summary>
    public long Failures => Interlocked.Read(ref _failures);

    private protected TimeProvider Clock { get; }

    /// <summary>Ends the ticks; the load stays as it is.</summary>
    public void Dispose()
    {
        _timer?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The load since the last tick, 0 to 1000 or beyond; null: nothing new is known.</summary>
    /// <exception cref="IOException">It could not be measured.</exception>
    private protected abstract double? Measure(long now);

    /// <summary>To be called at the end of the constructor.</summary>
    private protected void Start() => _timer = Clock.CreateTimer(static load => ((SampledLoad)load!).Tick(), this, _tick, _tick);

    private void Tick()
    {
        // A tick that comes while the one before is still at it is left out.
        if (!_measuring.TryEnter()) return;
        try
        {
            if (Measure(Clock.GetTimestamp()) is { } measured)
                Volatile.Write(ref _permille, _permille * _decay + Math.Clamp(measured, 0, 1000) * (1 - _decay));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Interlocked.Increment(ref _failures);
        }
        finally
        {
            _measuring.Exit();
        }
    }
}
