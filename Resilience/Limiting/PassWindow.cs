using System.Runtime.CompilerServices;
using FeedMall.Resilience.Windows;

namespace FeedMall.Resilience.Limiting;

/// <summary>What a window of completions tells.</summary>
/// <param name="Buckets">Complete buckets with samples.</param>
/// <param name="MaxPass">Completions in the best of them; at least 1.</param>
/// <param name="MinMilliseconds">Average execution time in the quickest of them, rounded up; at least 1.</param>
/// <param name="BaselineMilliseconds">The same over the last ten windows, not rounded; infinity when there is none yet.</param>
internal readonly record struct PassStatistics(int Buckets, long MaxPass, long MinMilliseconds, double BaselineMilliseconds);

/// <summary>
/// Completions and their execution times in slots of time, and beside it the shortest average of each of the last ten windows. Thread safe. Adding is one atomic
/// instruction, as in <see cref="OutcomeWindow"/>, and what is held up on the way there counts where that says.
/// </summary>
internal sealed class PassWindow
{
    private const int Baselines = 10;

    /// <summary>A bucket's number and its milliseconds in one word, so that a reader sees both of the same samples.</summary>
    private readonly record struct Sum(long Passes, long Milliseconds)
    {
        // 8 000 000 of 2^17 ms stay below 2^40.
        public const long MostPasses = 8_000_000;
        public const long MostMilliseconds = (1 << 17) - 1;
        public const long Full = MostPasses << PassShift;
        private const int PassShift = 40;

        public long Word => (Passes << PassShift) + Milliseconds;

        public double Average => (double)Milliseconds / Passes;

        public static Sum Of(long word) => new(word >> PassShift, word & ((1L << PassShift) - 1));

        public static Sum operator +(Sum one, Sum other)
        {
            var (passes, milliseconds) = (one.Passes + other.Passes, one.Milliseconds + other.Milliseconds);
            return passes <= MostPasses ? new Sum(passes, milliseconds) : new Sum(MostPasses, (long)((double)milliseconds * MostPasses / passes));
        }
    }

    private sealed class Bucket
    {
        public long Word;
        public long Slot = long.MinValue;
        // The first timestamp of the next slot.
        public long EndsAt = long.MinValue;
    }

    private struct Baseline
    {
        public long Window;
        public double Milliseconds;
    }

    // Guards the step from slot to slot, and the baselines.
    private readonly Lock _stepping = new();
    private readonly Bucket[] _buckets;
    private readonly Baseline[] _baselines = new Baseline[Baselines];
    private readonly TimeProvider _clock;
    private readonly Slots _slots;
    // Timestamps of 1 ms and what the clock may round.
    private readonly long _millisecond;
    // Before the first sample one that is not in the array.
    private Bucket _current = new();

    public PassWindow(int buckets, TimeSpan window, TimeProvider clock)
    {
        _buckets = [.. Enumerable.Range(0, buckets).Select(_ => new Bucket())];
        Array.Fill(_baselines, new Baseline { Window = long.MinValue });
        _slots = new Slots(window.Ticks / buckets, clock.TimestampFrequency);
        _millisecond = (TimeSpan.TicksPerMillisecond + 9) * clock.TimestampFrequency / TimeSpan.TicksPerSecond;
        _clock = clock;
    }

    public double BucketsPerSecond => (double)TimeSpan.TicksPerSecond / _slots.WidthTicks;

    /// <summary>The first timestamp of the slot after this one.</summary>
    public long EndOf(long now) => _slots.StartOf(_slots.Of(now) + 1);

    /// <summary>Counts a completion. Beyond eight million in one slot no more are counted.</summary>
    public void Add(long admittedAt, long now)
    {
        var elapsed = now - admittedAt;
        var milliseconds = elapsed <= _millisecond ? 1 : Milliseconds(elapsed);
        var bucket = Volatile.Read(ref _current);
        if (now >= bucket.EndsAt) bucket = Step(now);
        if (Volatile.Read(ref bucket.Word) < Sum.Full) Interlocked.Add(ref bucket.Word, new Sum(1, milliseconds).Word);
    }

    /// <summary>
    /// The same samples in slots of another width. What was counted in a wider slot is spread evenly over the narrower ones, as nobody knows better, but not over those
    /// that are still to come. A sample that another thread adds at this moment may be missing.
    /// </summary>
    public PassWindow Reshape(int buckets, TimeSpan window)
    {
        var reshaped = new PassWindow(buckets, window, _clock);
        lock (_stepping)
        {
            if (_current.Slot == long.MinValue) return reshaped;
            // Time that went backwards must not make the slots that are filled look like future ones.
            var newest = reshaped._slots.Of(Math.Max(_clock.GetTimestamp(), _slots.StartOf(_current.Slot)));
            foreach (var bucket in _buckets.Where(bucket => bucket.Slot > _current.Slot - _buckets.Length).OrderBy(bucket => bucket.Slot))
            {
                var (first, last) = reshaped._slots.Over(bucket.Slot, _slots.WidthTicks);
                reshaped.Spread(Sum.Of(Volatile.Read(ref bucket.Word)), Math.Min(first, newest), Math.Min(last, newest));
            }
            if (reshaped._current.Slot != long.MinValue) reshaped.KeepBaseline(reshaped._current.Slot, LongTermMin(_current.Slot));
        }
        return reshaped;
    }

    public PassStatistics Reduce(long now)
    {
        lock (_stepping)
        {
            // Complete ones only: the slot of now is still filling.
            var slot = Math.Max(_slots.Of(now), _current.Slot);
            long maxPass = 1;
            var found = 0;
            var min = double.PositiveInfinity;
            foreach (var bucket in _buckets)
            {
                var sum = Sum.Of(Volatile.Read(ref bucket.Word));
                if (bucket.Slot <= slot - _buckets.Length || bucket.Slot >= slot || sum.Passes == 0) continue;
                found++;
                maxPass = Math.Max(maxPass, sum.Passes);
                min = Math.Min(min, sum.Average);
            }
            return new PassStatistics(found, maxPass, found == 0 ? 1 : Math.Max(1, (long)Math.Ceiling(min)), LongTermMin(slot));
        }
    }

    // Rounded up; what is less than 1 µs over is the rounding of the clock.
    private long Milliseconds(long elapsed) => Math.Clamp(
        (_clock.GetElapsedTime(0, elapsed).Ticks + TimeSpan.TicksPerMillisecond - 10) / TimeSpan.TicksPerMillisecond, 1, Sum.MostMilliseconds);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Bucket Step(long now)
    {
        lock (_stepping)
        {
            if (now >= _current.EndsAt) Begin(_slots.Of(now));
            return _current;
        }
    }

    // Makes the slot current: its bucket is ready before others see it.
    private void Begin(long slot)
    {
        var done = Sum.Of(Volatile.Read(ref _current.Word));
        if (done.Passes > 0) KeepBaseline(_current.Slot, done.Average);
        var bucket = _buckets[slot % _buckets.Length];
        Volatile.Write(ref bucket.Word, 0);
        bucket.Slot = slot;
        Volatile.Write(ref bucket.EndsAt, _slots.StartOf(slot + 1));
        Volatile.Write(ref _current, bucket);
    }

    // In the order of the slots, before anybody else has the window. Whole samples, so that small numbers do not get lost.
    private void Spread(Sum sum, long first, long last)
    {
        var (slots, passes, milliseconds) = (last - first + 1, 0L, 0L);
        for (var slot = first; slot <= last; slot++)
        {
            var until = sum.Passes * (slot - first + 1) / slots;
            if (until == passes) continue;
            var millisecondsUntil = (long)((Int128)sum.Milliseconds * until / sum.Passes);
            if (_current.Slot != slot) Begin(slot);
            _current.Word = (Sum.Of(_current.Word) + new Sum(until - passes, millisecondsUntil - milliseconds)).Word;
            (passes, milliseconds) = (until, millisecondsUntil);
        }
    }

    private void KeepBaseline(long slot, double milliseconds)
    {
        var window = slot / _buckets.Length;
        ref var baseline = ref _baselines[window % Baselines];
        if (baseline.Window != window) baseline = new Baseline { Window = window, Milliseconds = double.PositiveInfinity };
        baseline.Milliseconds = Math.Min(baseline.Milliseconds, milliseconds);
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
