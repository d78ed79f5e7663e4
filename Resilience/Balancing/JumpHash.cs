namespace FeedMall.Resilience.Balancing;

/// <summary>
/// Numbers to buckets without any table, evenly, and with the fewest moves when the last bucket comes or goes (Lamping and Veach). Only the last one can
/// go: for shards that grow, not for servers that fail. (ALGORITHMS §9.6.)
/// </summary>
public static class JumpHash
{
    /// <summary>The bucket of a key, from 0 on.</summary>
    /// <param name="key">A good hash.</param>
    /// <param name="buckets">1 or more.</param>
    public static int Bucket(ulong key, int buckets)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buckets, 1);
        long bucket = -1, next = 0;
        while (next < buckets)
        {
            bucket = next;
            key = key * 2862933555777941757 + 1;
            next = (long)((bucket + 1) * ((double)(1L << 31) / ((key >> 33) + 1)));
        }
        return (int)bucket;
    }
}
