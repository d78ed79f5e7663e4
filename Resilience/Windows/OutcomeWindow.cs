using System.Runtime.CompilerServices;

namespace FeedMall.Resilience.Windows;

/// <summary>What happened over a window of time.</summary>
/// <param name="Successes">Calls that were done.</param>
/// <param name="Failures">Calls that were not.</param>
/// <param name="Drops">Calls that were not tried.</param>
/// <param name="Working">Slots with a success since the last slot with a failure.</param>
/// <param name="Failing">Slots with a failure since the last slot with a success.</param>
public readonly record struct OutcomeTally(long Successes, long Failures, long Drops, int Working, int Failing)
{
    /// <summary>Calls that were made or would have been.</summary>
    public long Requests => Successes + Failures + Drops;
}

/// <summary>
/// Counts successes, failures and drops over the last <c>buckets × width</c> of time, as <see cref="RollingCounter"/> does, but for a reader that asks
/// at every call: reading and adding take no lock and cost the same whatever the number of buckets. (ALGORITHMS §1, §2.2.)
/// </summary>
/// <remarks>
/// <para>Time is cut into slots counted from the clock's own origin. The bucket of the slot that is filling carries the sums of the slots before it,
/// which are walked once when the slot begins, so that a read adds four numbers. Time that runs backwards counts as no time passed.</para>
/// <para>Adding is an atomic increment of the bucket that was current when the adder looked. Held up there, it counts in a slot that has just passed,
/// and is seen in the sums one slot later; held up for a whole window, it counts in the slot that uses the bucket then. Nothing is lost, but for at
/// most one sample of each thread that adds during <see cref="Reshape"/>.</para>
/// </remarks>
public sealed class OutcomeWindow
{
    // Guards _buckets and _slots, and the step from slot to slot.
    private readonly Lock _stepping = new();
    private readonly TimeProvider _clock;
    private Bucket[] _buckets;
    private Slots _slots;
    private Bucket _current;

    /// <summary>An empty window.</summary>
    /// <param name="buckets">2 to 10 000.</param>
    /// <param name="width">Of one bucket, 1 ms to 1 day.</param>
    public OutcomeWindow(int buckets, TimeSpan width, TimeProvider clock)
    {
        _clock = clock;
        (_buckets, _slots) = NewBuckets(buckets, width);
        _current = _buckets[0];
        Step(clock.GetTimestamp());
    }

    /// <summary>The longest time that the sums reach back.</summary>
    public TimeSpan Window
    {
        get
        {
            lock (_stepping) return TimeSpan.FromTicks(_slots.WidthTicks * _buckets.Length);
        }
    }

    /// <summary>Counts a call that was done. <paramref name="now"/> is the clock's timestamp, here and below.</summary>
    public void AddSuccess(long now) => Interlocked.Increment(ref Current(now).Successes);

    /// <summary>Counts a call that was not done.</summary>
    public void AddFailure(long now) => Interlocked.Increment(ref Current(now).Failures);

    /// <summary>Counts a call that was not tried.</summary>
    public void AddDrop(long now) => Interlocked.Increment(ref Current(now).Drops);

    /// <summary>The sums over the window, the slot that is filling included.</summary>
    public OutcomeTally Read(long now)
    {
        var bucket = Current(now);
        return bucket.Before.Plus(Volatile.Read(ref bucket.Successes), Volatile.Read(ref bucket.Failures), Volatile.Read(ref bucket.Drops));
    }

    /// <summary>
    /// Changes number and width of the buckets, and keeps what was counted: what is in a slot goes to the one that holds the slot's end, or now.
    /// </summary>
    /// <param name="buckets">2 to 10 000.</param>
    /// <param name="width">Of one bucket, 1 ms to 1 day.</param>
    public void Reshape(int buckets, TimeSpan width)
    {
        lock (_stepping)
        {
            if (buckets == _buckets.Length && width.Ticks == _slots.WidthTicks) return;
            var (before, slotsBefore) = (_buckets, _slots);
            var (after, slotsAfter) = NewBuckets(buckets, width);
            // Time that went backwards since the last step must not make the slots that are filled look like future ones.
            var newest = slotsAfter.Of(Math.Max(_clock.GetTimestamp(), slotsBefore.StartOf(_current.Slot)));
            foreach (var bucket in before)
            {
                if (bucket.Slot <= _current.Slot - before.Length) continue;
                var slot = Math.Min(newest, slotsAfter.Over(bucket.Slot, slotsBefore.WidthTicks).Last);
                if (slot > newest - buckets) after[slot % buckets].Take(slot, bucket);
            }
            (_buckets, _slots) = (after, slotsAfter);
            Begin(newest);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Bucket Current(long now)
    {
        var current = Volatile.Read(ref _current);
        return now < current.EndsAt ? current : Step(now);
    }

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
        var bucket = _buckets[slot % _buckets.Length];
        if (bucket.Slot != slot) bucket.Clear(slot);
        var before = default(OutcomeTally);
        // From the oldest to the newest; a bucket that holds an older slot than its place says is empty.
        for (var past = Math.Max(0, slot - _buckets.Length + 1); past < slot; past++)
        {
            var other = _buckets[past % _buckets.Length];
            if (other.Slot == past) before = before.Plus(Volatile.Read(ref other.Successes), Volatile.Read(ref other.Failures), Volatile.Read(ref other.Drops));
        }
        bucket.Before = before;
        bucket.EndsAt = _slots.StartOf(slot + 1);
        Volatile.Write(ref _current, bucket);
    }

    private (Bucket[] Buckets, Slots Slots) NewBuckets(int buckets, TimeSpan width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buckets, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(buckets, 10_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, TimeSpan.FromMilliseconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, TimeSpan.FromDays(1));
        var made = new Bucket[buckets];
        for (var i = 0; i < buckets; i++) made[i] = new Bucket();
        return (made, new Slots(width.Ticks, _clock.TimestampFrequency));
    }

    private sealed class Bucket
    {
        public long Successes;
        public long Failures;
        public long Drops;

        public long Slot { get; private set; } = long.MinValue;

        /// <summary>The sums of the slots before this one, which do not change while it is current.</summary>
        public OutcomeTally Before { get; set; }

        /// <summary>The first timestamp of the next slot.</summary>
        public long EndsAt { get; set; } = long.MinValue;

        public void Clear(long slot)
        {
            Volatile.Write(ref Successes, 0);
            Volatile.Write(ref Failures, 0);
            Volatile.Write(ref Drops, 0);
            Slot = slot;
        }

        public void Take(long slot, Bucket other)
        {
            Slot = slot;
            Successes += Volatile.Read(ref other.Successes);
            Failures += Volatile.Read(ref other.Failures);
            Drops += Volatile.Read(ref other.Drops);
        }
    }
}

file static class OutcomeTallies
{
    // The next slot's counts behind the sums of those before it: a slot with both kinds ends both runs, a slot with drops alone neither.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OutcomeTally Plus(this OutcomeTally before, long successes, long failures, long drops) => new(
        before.Successes + successes, before.Failures + failures, before.Drops + drops,
        failures > 0 ? 0 : successes > 0 ? before.Working + 1 : before.Working,
        successes > 0 ? 0 : failures > 0 ? before.Failing + 1 : before.Failing);
}
