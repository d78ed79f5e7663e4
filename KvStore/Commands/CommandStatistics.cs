using System.Numerics;

namespace FeedMall.KvStore.Commands;

/// <summary>
/// How often a command ran and how long it took. Written under the data lock only, so plain numbers will do; who reads them without the lock may see the
/// last batch half counted.
/// </summary>
internal sealed class CommandStatistics
{
    /// <summary>Upper bounds are 1 µs, 2 µs, 4 µs … 1 s; then everything else.</summary>
    public const int Buckets = 22;

    private readonly long[] _buckets = new long[Buckets];

    public long Calls { get; private set; }

    public double Microseconds { get; private set; }

    /// <summary>Calls that never ran: wrong number of arguments, no password, memory full.</summary>
    public long Rejected { get; set; }

    /// <summary>Calls that ran and answered with an error.</summary>
    public long Failed { get; set; }

    /// <summary>Calls in each bucket.</summary>
    public IReadOnlyList<long> Distribution => _buckets;

    /// <summary>The bucket's upper bound in seconds; infinite for the last one.</summary>
    public static double UpperSeconds(int bucket) => bucket == Buckets - 1 ? double.PositiveInfinity : (1L << bucket) / 1e6;

    public void Add(long calls, double microseconds)
    {
        Calls += calls;
        Microseconds += microseconds * calls;
        var bucket = microseconds <= 1 ? 0 : BitOperations.Log2((ulong)Math.Ceiling(microseconds) - 1) + 1;
        _buckets[Math.Min(bucket, Buckets - 1)] += calls;
    }

    /// <summary>The upper bound of the bucket that holds this percentile, in microseconds.</summary>
    public double Percentile(double percent)
    {
        var left = Calls * percent / 100;
        for (var bucket = 0; bucket < Buckets - 1; bucket++)
        {
            left -= _buckets[bucket];
            if (left <= 0) return 1L << bucket;
        }
        return 1L << (Buckets - 1);
    }

    public void Reset()
    {
        (Calls, Microseconds, Rejected, Failed) = (0, 0, 0, 0);
        Array.Clear(_buckets);
    }
}
