namespace FeedMall.Resilience.Windows;

/// <summary>Two sums over a window of time.</summary>
/// <param name="Successes">Sum of what was added as successes.</param>
/// <param name="Totals">Sum of what was added as totals.</param>
public readonly record struct WindowSums(long Successes, long Totals);

/// <summary>
/// Counts successes and totals over the last <c>buckets × width</c> of time, with one bucket as the grain: the window reaches
/// between <c>(buckets − 1) × width</c> and <c>buckets × width</c> back, because the newest bucket is still filling.
/// </summary>
/// <remarks>
/// Time is cut into slots of one width, counted from the clock's own origin: slot = floor(time / width). A bucket carries the number of the slot
/// that it holds, and one from outside the window counts as empty. So any idle gap expires exactly, no timer is needed, and a reader
/// never writes. Time that runs backwards counts as no time passed. (ALGORITHMS §1.)
/// </remarks>
public sealed class RollingCounter
{
    private struct Bucket
    {
        public long Slot;
        public long Successes;
        public long Totals;
    }

    // Guards _buckets and _latestSlot.
    private readonly Lock _gate = new();
    private readonly Bucket[] _buckets;
    private readonly long _widthTicks;
    private readonly TimeProvider _clock;
    private readonly long _createdAt;
    private long _latestSlot = long.MinValue;

    /// <summary>An empty window.</summary>
    /// <param name="buckets">1 to 10 000.</param>
    /// <param name="width">Of one bucket, 1 ms to 1 day.</param>
    public RollingCounter(int buckets, TimeSpan width, TimeProvider clock)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buckets, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(buckets, 10_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, TimeSpan.FromMilliseconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, TimeSpan.FromDays(1));
        _buckets = new Bucket[buckets];
        Array.Fill(_buckets, new Bucket { Slot = long.MinValue });
        _widthTicks = width.Ticks;
        _clock = clock;
        _createdAt = clock.GetTimestamp();
    }

    /// <summary>The longest time that the sums reach back.</summary>
    public TimeSpan Window => TimeSpan.FromTicks(_widthTicks * _buckets.Length);

    /// <summary>
    /// How long the window has been filled: <see cref="Window"/>, or the age of the counter while it is younger. Divide a sum by this
    /// for a rate; dividing by <see cref="Window"/> would understate it after a start.
    /// </summary>
    public TimeSpan Covered
    {
        get
        {
            var age = _clock.GetElapsedTime(_createdAt);
            return age < Window ? age : Window;
        }
    }

    /// <summary>Adds to the slot of now.</summary>
    public void Add(long successes, long totals)
    {
        var slot = CurrentSlot();
        lock (_gate)
        {
            _latestSlot = Math.Max(_latestSlot, slot);
            ref var bucket = ref _buckets[_latestSlot % _buckets.Length];
            if (bucket.Slot != _latestSlot) bucket = new Bucket { Slot = _latestSlot };
            bucket.Successes += successes;
            bucket.Totals += totals;
        }
    }

    /// <summary>The sums over the window.</summary>
    /// <param name="skipCurrent">Leaves out the slot that is still filling, so that only whole slots count.</param>
    public WindowSums Sum(bool skipCurrent = false)
    {
        var slot = CurrentSlot();
        lock (_gate)
        {
            var newest = Math.Max(_latestSlot, slot);
            var oldest = newest - _buckets.Length + 1;
            if (skipCurrent) newest--;
            long successes = 0, totals = 0;
            foreach (ref readonly var bucket in _buckets.AsSpan())
            {
                if (bucket.Slot < oldest || bucket.Slot > newest) continue;
                successes += bucket.Successes;
                totals += bucket.Totals;
            }
            return new WindowSums(successes, totals);
        }
    }

    // Read before the lock is taken, to keep that short. A thread that is held up in between brings an old slot, and counts in the latest one instead.
    private long CurrentSlot() => _clock.GetElapsedTime(0, _clock.GetTimestamp()).Ticks / _widthTicks;
}
