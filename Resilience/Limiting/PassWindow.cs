namespace FeedMall.Resilience.Limiting;

/// <summary>What a window of completions tells.</summary>
/// <param name="Buckets">Complete buckets with samples.</param>
/// <param name="MaxPass">Completions in the best of them; at least 1.</param>
/// <param name="MinMilliseconds">Average execution time in the quickest of them, rounded up; at least 1.</param>
/// <param name="BaselineMilliseconds">The same over the last ten windows, not rounded; infinity when there is none yet.</param>
internal readonly record struct PassStatistics(int Buckets, long MaxPass, long MinMilliseconds, double BaselineMilliseconds);

/// <summary>
/// Completions and their execution times in slots of time, as <see cref="Windows.RollingCounter"/> keeps them, and beside it the shortest average of each of the
/// last ten windows. Thread safe.
/// </summary>
internal sealed class PassWindow
{
    private const int Baselines = 10;

    private struct Bucket
    {
        public long Slot;
        public long Passes;
        public long Milliseconds;
    }

    private struct Baseline
    {
        public long Window;
        public double Milliseconds;
    }

    // Guards everything below it.
    private readonly Lock _gate = new();
    private readonly Bucket[] _buckets;
    private readonly Baseline[] _baselines = new Baseline[Baselines];
    private readonly TimeProvider _clock;
    private readonly long _widthTicks;
    private long _latestSlot = long.MinValue;

    public PassWindow(int buckets, TimeSpan window, TimeProvider clock)
    {
        _buckets = new Bucket[buckets];
        Array.Fill(_buckets, new Bucket { Slot = long.MinValue });
        Array.Fill(_baselines, new Baseline { Window = long.MinValue });
        _widthTicks = window.Ticks / buckets;
        _clock = clock;
    }

    public double BucketsPerSecond => (double)TimeSpan.TicksPerSecond / _widthTicks;

    public long SlotOf(long timestamp) => _clock.GetElapsedTime(0, timestamp).Ticks / _widthTicks;

    public void Add(long now, TimeSpan took)
    {
        // Rounded up; what is less than 1 µs over is the rounding of the clock.
        var milliseconds = Math.Max(1, (took.Ticks + TimeSpan.TicksPerMillisecond - 10) / TimeSpan.TicksPerMillisecond);
        var slot = SlotOf(now);
        lock (_gate)
        {
            if (slot > _latestSlot) Roll(slot);
            ref var bucket = ref _buckets[_latestSlot % _buckets.Length];
            bucket.Passes++;
            bucket.Milliseconds += milliseconds;
        }
    }

    /// <summary>
    /// The same samples in slots of another width. What was counted in a wider slot is spread evenly over the narrower ones, as nobody knows better. A sample that
    /// another thread adds at this moment may be missing.
    /// </summary>
    public PassWindow Reshape(int buckets, TimeSpan window)
    {
        var reshaped = new PassWindow(buckets, window, _clock);
        lock (_gate)
        {
            if (_latestSlot == long.MinValue) return reshaped;
            var oldest = _latestSlot - _buckets.Length + 1;
            foreach (var bucket in _buckets.Where(bucket => bucket.Slot >= oldest).OrderBy(bucket => bucket.Slot))
            {
                var first = bucket.Slot * _widthTicks / reshaped._widthTicks;
                var last = ((bucket.Slot + 1) * _widthTicks - 1) / reshaped._widthTicks;
                for (var slot = first; slot <= last; slot++) reshaped.Put(slot, bucket.Passes / (last - first + 1), bucket.Milliseconds / (last - first + 1));
            }
            if (reshaped._latestSlot == long.MinValue) return reshaped;
            var baseline = reshaped._latestSlot / buckets;
            reshaped._baselines[baseline % Baselines] = new Baseline { Window = baseline, Milliseconds = LongTermMin(_latestSlot) };
        }
        return reshaped;
    }

    public PassStatistics Reduce(long slot)
    {
        lock (_gate)
        {
            // Complete ones only: the slot of now is still filling.
            slot = Math.Max(slot, _latestSlot);
            var oldest = slot - _buckets.Length + 1;
            long maxPass = 1;
            var found = 0;
            var min = double.PositiveInfinity;
            foreach (ref readonly var bucket in _buckets.AsSpan())
            {
                if (bucket.Slot < oldest || bucket.Slot >= slot) continue;
                found++;
                maxPass = Math.Max(maxPass, bucket.Passes);
                min = Math.Min(min, (double)bucket.Milliseconds / bucket.Passes);
            }
            return new PassStatistics(found, maxPass, found == 0 ? 1 : Math.Max(1, (long)Math.Ceiling(min)), LongTermMin(slot));
        }
    }

    // In the order of the slots, before anybody else has the window.
    private void Put(long slot, long passes, long milliseconds)
    {
        if (passes == 0) return;
        ref var bucket = ref _buckets[slot % _buckets.Length];
        if (bucket.Slot != slot) bucket = new Bucket { Slot = slot };
        bucket.Passes += passes;
        bucket.Milliseconds += milliseconds;
        _latestSlot = slot;
    }

    private void Roll(long slot)
    {
        if (_latestSlot != long.MinValue)
        {
            ref readonly var done = ref _buckets[_latestSlot % _buckets.Length];
            var window = _latestSlot / _buckets.Length;
            ref var baseline = ref _baselines[window % Baselines];
            if (baseline.Window != window) baseline = new Baseline { Window = window, Milliseconds = double.PositiveInfinity };
            baseline.Milliseconds = Math.Min(baseline.Milliseconds, (double)done.Milliseconds / done.Passes);
        }
        _latestSlot = slot;
        _buckets[slot % _buckets.Length] = new Bucket { Slot = slot };
    }

    private double LongTermMin(long slot)
    {
        var oldest = slot / _buckets.Length - Baselines;
        var min = double.PositiveInfinity;
        foreach (ref readonly var baseline in _baselines.AsSpan())
        {
            if (baseline.Window > oldest) min = Math.Min(min, baseline.Milliseconds);
        }
        return min;
    }
}
