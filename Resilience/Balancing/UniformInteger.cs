namespace FeedMall.Resilience.Balancing;

/// <summary>
/// Whole numbers by chance, each exactly equally likely. A remainder (<c>bits % n</c>) favours the first ones, because n rarely divides the number of
/// inputs; here inputs that are left over are drawn again (Lemire). (ALGORITHMS §9.7.)
/// </summary>
public static class UniformInteger
{
    /// <summary>A number from 0 to below <paramref name="count"/>.</summary>
    /// <param name="count">1 or more.</param>
    public static int Below(int count, IChance chance)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        while (true)
        {
            // Exact: a number in [0, 1) from the runtime is a multiple of 2^-53, so its first 32 bits are all equally likely.
            var word = (uint)(chance.NextDouble() * 4294967296.0);
            if (TryReduce(word, 32, (uint)count, out var number)) return (int)number;
        }
    }

    /// <summary>How many inputs of so many bits are left over: 2^bits mod count.</summary>
    internal static uint Threshold(int bits, uint count) => (uint)((1UL << bits) % count);

    /// <summary>The number that belongs to an input of so many bits, unless the input is one of those that are left over.</summary>
    internal static bool TryReduce(uint word, int bits, uint count, out uint number)
    {
        var product = (ulong)word * count;
        number = (uint)(product >> bits);
        var rest = product & ((1UL << bits) - 1);
        return rest >= count || rest >= Threshold(bits, count);
    }
}
