namespace FeedMall.ServiceDefaults.Ids;

/// <summary>
/// Ids made in this process (spec §15.1, §15.2): 41 bits of milliseconds since 2015-01-01 UTC, 10 bits of worker, 12 bits of sequence.
/// Time is the wall clock at construction plus monotonic time since, so that a stepped wall clock cannot repeat an id.
/// </summary>
public sealed class LocalIdSource : IIdSource
{
    /// <summary>The instant of time zero, in Unix milliseconds: 2015-01-01T00:00:00Z.</summary>
    public const long EpochUnixMilliseconds = 1_420_070_400_000;

    /// <summary>The largest worker number.</summary>
    public const int MaxWorker = 1023;

    private const int WorkerShift = 12;
    private const int TimeShift = 22;
    private const long MaxSequence = 4095;

    // Guards _lastMilliseconds and _sequence.
    private readonly Lock _gate = new();
    private readonly TimeProvider _clock;
    private readonly long _startMilliseconds;
    private readonly long _startTimestamp;
    private readonly long _workerBits;
    private long _lastMilliseconds;
    private long _sequence;

    /// <summary>A source of its own.</summary>
    /// <param name="worker">0 to 1023; no two running processes may use the same.</param>
    /// <param name="clock">Wall clock once, monotonic time from then on.</param>
    public LocalIdSource(int worker, TimeProvider clock)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(worker);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(worker, MaxWorker);
        _clock = clock;
        _workerBits = (long)worker << WorkerShift;
        _startMilliseconds = clock.GetUtcNow().ToUnixTimeMilliseconds() - EpochUnixMilliseconds;
        _startTimestamp = clock.GetTimestamp();
        ArgumentOutOfRangeException.ThrowIfNegative(_startMilliseconds, nameof(clock));
    }

    /// <summary>
    /// Makes every later id larger than <paramref name="id"/>: the largest one that the service has stored. A restart with the wall
    /// clock behind then waits instead of repeating.
    /// </summary>
    public void StartAbove(long id)
    {
        lock (_gate)
        {
            var milliseconds = id >> TimeShift;
            if (milliseconds < _lastMilliseconds) return;
            _lastMilliseconds = milliseconds;
            _sequence = MaxSequence;
        }
    }

    /// <inheritdoc/>
    public ValueTask<long> NextAsync(CancellationToken cancellationToken = default) => new(Next());

    /// <summary>The next id. Spins for the rest of a millisecond when all 4,096 of it are used up, and for at most a second after a restart with the clock behind.</summary>
    /// <exception cref="InvalidOperationException">The clock is more than a second behind the last id.</exception>
    public long Next()
    {
        lock (_gate)
        {
            var spinner = new SpinWait();
            while (true)
            {
                var now = _startMilliseconds + (long)_clock.GetElapsedTime(_startTimestamp).TotalMilliseconds;
                if (now > _lastMilliseconds)
                {
                    _lastMilliseconds = now;
                    _sequence = 0;
                    return now << TimeShift | _workerBits;
                }
                if (now == _lastMilliseconds && _sequence < MaxSequence)
                {
                    _sequence++;
                    return now << TimeShift | _workerBits | _sequence;
                }
                if (_lastMilliseconds - now > 1000)
                    throw new InvalidOperationException(
                        $"The system clock is {_lastMilliseconds - now} ms behind the last id that was given out. Set the clock right and restart.");
                spinner.SpinOnce(sleep1Threshold: -1);
            }
        }
    }
}
