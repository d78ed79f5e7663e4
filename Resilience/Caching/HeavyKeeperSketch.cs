using FeedMall.Resilience.Balancing;

namespace FeedMall.Resilience.Caching;

/// <summary>
/// The counters of <see cref="HeavyKeeper"/>: rows of buckets, each with a fingerprint and a count. A bucket is one word, changed by compare and swap, so
/// threads count without a lock.
/// </summary>
internal sealed class HeavyKeeperSketch
{
    private const int Powers = 256;
    // The fingerprint must be independent of the places, or keys that share a bucket would tend to share the fingerprint too.
    private const ulong FingerprintSeed = 0x9e3779b97f4a7c15;
    private const ulong RowSeed = 0xd6e8feb86659fd93;

    // Row after row. The upper half of a word is the fingerprint, the lower half the count; 0 is empty.
    private readonly ulong[] _buckets;
    private readonly double[] _powers = new double[Powers];
    private readonly int _width;
    private readonly int _depth;

    public HeavyKeeperSketch(int width, int depth, double decay)
    {
        (_buckets, _width, _depth) = (new ulong[width * depth], width, depth);
        for (var count = 0; count < Powers; count++) _powers[count] = Math.Pow(decay, count);
    }

    /// <summary>Counts, and answers the estimate: the largest count in a bucket that is the key's.</summary>
    public uint Add(ulong hash, int times, IChance chance)
    {
        var fingerprint = (uint)Fnv1a.Mix(hash ^ FingerprintSeed);
        uint estimate = 0;
        for (var row = 0; row < _depth; row++)
        {
            ref var bucket = ref _buckets[row * _width + (int)(((Fnv1a.Mix(hash + RowSeed * (ulong)(row + 1)) >> 32) * (ulong)_width) >> 32)];
            while (true)
            {
                var before = Volatile.Read(ref bucket);
                var after = Changed(before, fingerprint, times, chance);
                if (after != before && Interlocked.CompareExchange(ref bucket, after, before) != before) continue;
                if (FingerprintOf(after) == fingerprint) estimate = Math.Max(estimate, CountOf(after));
                break;
            }
        }
        return estimate;
    }

    /// <summary>Divides all counts by 2^shift.</summary>
    public void Fade(int shift)
    {
        foreach (ref var bucket in _buckets.AsSpan())
        {
            ulong before, after;
            do
            {
                before = Volatile.Read(ref bucket);
                var count = CountOf(before) >> shift;
                after = count == 0 ? 0 : Bucket(FingerprintOf(before), count);
            }
            while (after != before && Interlocked.CompareExchange(ref bucket, after, before) != before);
        }
    }

    private ulong Changed(ulong bucket, uint fingerprint, int times, IChance chance)
    {
        var count = CountOf(bucket);
        if (count == 0) return Bucket(fingerprint, (uint)times);
        if (FingerprintOf(bucket) == fingerprint) return Bucket(fingerprint, count > uint.MaxValue - (uint)times ? uint.MaxValue : count + (uint)times);
        for (var left = times; left > 0; left--)
        {
            if (chance.NextDouble() >= _powers[Math.Min(count, Powers - 1)]) continue;
            if (--count == 0) return Bucket(fingerprint, (uint)left);
        }
        return Bucket(FingerprintOf(bucket), count);
    }

    private static ulong Bucket(uint fingerprint, uint count) => (ulong)fingerprint << 32 | count;

    private static uint FingerprintOf(ulong bucket) => (uint)(bucket >> 32);

    private static uint CountOf(ulong bucket) => (uint)bucket;
}
