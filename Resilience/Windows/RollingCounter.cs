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

    // Guards everything below _clock.
    private readonly Lock _gate = new();
    private readonly TimeProvider _clock;
    private Bucket[] _buckets;
    private long _widthTicks;
    private long _beganAt;
    private long _latestSlot = long.MinValue;

    /// <summary>An empty window.</summary>
    /// <param name="buckets">1 to 10 000.</param>
    /// <param name="width">Of one bucket, 1 ms to 1 day.</param>
    public RollingCounter(int buckets, TimeSpan width, TimeProvider clock)
    {
        (_buckets, _widthTicks) = NewBuckets(buckets, width);
        _clock = clock;
        _beganAt = clock.GetTimestamp();
    }

    /// <summary>The longest time that the sums reach back.</summary>
    public TimeSpan Window
    {
        get
        {
            lock (_gate) return TimeSpan.FromTicks(_widthTicks * _buckets.Length);
        }
    }

    /// <summary>
    /// How long the window has been filled: <see cref="Window"/>, or the age of the counter while it is younger. Divide a sum by this
    /// for a rate; dividing by <see cref="Window"/> would understate it after a start.
    /// </summary>
    public TimeSpan Covered
    {
        get
        {
            lock (_gate) return CoveredAt(_clock.GetTimestamp());
        }
    }

    /// <summary>Adds to the slot of now.</summary>
    public void Add(long successes, long totals)
    {
        var now = Now();
        lock (_gate)
        {
            _latestSlot = Math.Max(_latestSlot, now / _widthTicks);
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
        var now = Now();
        lock (_gate)
        {
            var newest = Math.Max(_latestSlot, now / _widthTicks);
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

    /// <summary>
    /// Changes number and width of the buckets, and keeps what was counted: what is in a slot goes to the one that holds the slot's end, or now.
    /// </summary>
    /// <param name="buckets">1 to 10 000.</param>
    /// <param name="width">Of one bucket, 1 ms to 1 day.</param>
    public void Reshape(int buckets, TimeSpan width)
    {
        var (after, widthAfter) = NewBuckets(buckets, width);
        var now = Now();
        lock (_gate)
        {
            // What lies before the old window was not counted in the new one, however long that is.
            var timestamp = _clock.GetTimestamp();
            _beganAt = timestamp - (long)(CoveredAt(timestamp).TotalSeconds * _clock.TimestampFrequency);
            var slots = new Slots(widthAfter, TimeSpan.TicksPerSecond);
            // Time that went backwards must not make the slots that are filled look like future ones.
            var newest = _latestSlot == long.MinValue ? now / widthAfter : Math.Max(now, _latestSlot * _widthTicks) / widthAfter;
            foreach (ref readonly var bucket in _buckets.AsSpan())
            {
                if (bucket.Slot == long.MinValue || bucket.Slot <= _latestSlot - _buckets.Length) continue;
                var slot = Math.Min(newest, slots.Over(bucket.Slot, _widthTicks).Last);
                if (slot <= newest - buckets) continue;
                ref var taker = ref after[slot % buckets];
                taker = new Bucket { Slot = slot, Successes = taker.Successes + bucket.Successes, Totals = taker.Totals + bucket.Totals };
            }
            (_buckets, _widthTicks, _latestSlot) = (after, widthAfter, newest);
        }
    }

    private TimeSpan CoveredAt(long now)
    {
        var (age, window) = (_clock.GetElapsedTime(_beganAt, now), TimeSpan.FromTicks(_widthTicks * _buckets.Length));
        return age < window ? age : window;
    }

    // Read before the lock is taken, to keep that short. A thread that is held up in between brings an old time, and counts in the latest slot instead.
    private long Now() => _clock.GetElapsedTime(0, _clock.GetTimestamp()).Ticks;

    private static (Bucket[] Buckets, long WidthTicks) NewBuckets(int buckets, TimeSpan width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buckets, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(buckets, 10_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, TimeSpan.FromMilliseconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, TimeSpan.FromDays(1));
        var made = new Bucket[buckets];
        Array.Fill(made, new Bucket { Slot = long.MinValue });
        return (made, width.Ticks);
    }
}
