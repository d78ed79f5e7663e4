using System.Buffers;

namespace FeedMall.Resilience.Quotas;

/// <summary>
/// Max-min fairness: who wants little gets it all, and what is left is shared by weight among those who want more. Nobody gets more than he asks for, everything
/// is given out as long as somebody wants it, and asking for more never helps another one. (ALGORITHMS §6.3.)
/// </summary>
public static class MaxMinShare
{
    // Above the rounding of doubles, below any difference that means something.
    private const double Tie = 1e-9;

    /// <summary>Shares out a capacity. O(n log n); memory is borrowed from the pool.</summary>
    /// <param name="demands">0 or more.</param>
    /// <param name="weights">More than 0; empty: all alike.</param>
    /// <param name="shares">What each one gets.</param>
    public static void Fill(double capacity, ReadOnlySpan<double> demands, ReadOnlySpan<double> weights, Span<double> shares)
    {
        Check(capacity, demands, weights, shares.Length);
        var (levels, order) = (ArrayPool<double>.Shared.Rent(demands.Length), ArrayPool<int>.Shared.Rent(demands.Length));
        try
        {
            var weightLeft = 0.0;
            for (var i = 0; i < demands.Length; i++)
            {
                weightLeft += Weight(weights, i);
                (levels[i], order[i]) = (demands[i] / Weight(weights, i), i);
            }
            // Filled in the order of their level (demand / weight), each is either satisfied, or it and all behind it get the same level.
            levels.AsSpan(0, demands.Length).Sort(order.AsSpan(0, demands.Length));
            var left = capacity;
            for (var k = 0; k < demands.Length; k++)
            {
                var i = order[k];
                var weight = Weight(weights, i);
                shares[i] = Math.Min(demands[i], Math.Max(0, left / weightLeft * weight));
                left -= shares[i];
                weightLeft -= weight;
            }
        }
        finally
        {
            ArrayPool<double>.Shared.Return(levels);
            ArrayPool<int>.Shared.Return(order);
        }
    }

    /// <summary>The same in whole numbers: what rounding down leaves over goes to those with the largest remainders, the first of equal ones first.</summary>
    public static void Fill(long capacity, ReadOnlySpan<long> demands, ReadOnlySpan<double> weights, Span<long> shares)
    {
        var (wanted, exact) = (ArrayPool<double>.Shared.Rent(demands.Length), ArrayPool<double>.Shared.Rent(demands.Length));
        try
        {
            for (var i = 0; i < demands.Length; i++) wanted[i] = demands[i];
            var remainders = exact.AsSpan(0, demands.Length);
            Fill(capacity, wanted.AsSpan(0, demands.Length), weights, remainders);
            var (left, demanded) = (capacity, 0L);
            for (var i = 0; i < demands.Length; i++)
            {
                shares[i] = Math.Min(demands[i], (long)(remainders[i] + Tie));
                remainders[i] -= shares[i];
                left -= shares[i];
                demanded += demands[i] - shares[i];
            }
            // Less than one for each, so there is one round.
            for (left = Math.Min(left, demanded); left > 0; left--) shares[TakeLargest(remainders, demands, shares)]++;
        }
        finally
        {
            ArrayPool<double>.Shared.Return(wanted);
            ArrayPool<double>.Shared.Return(exact);
        }
    }

    private static int TakeLargest(Span<double> remainders, ReadOnlySpan<long> demands, ReadOnlySpan<long> shares)
    {
        var largest = -1;
        for (var i = 0; i < remainders.Length; i++)
        {
            if (shares[i] < demands[i] && (largest < 0 || remainders[i] > remainders[largest] + Tie)) largest = i;
        }
        remainders[largest]--;
        return largest;
    }

    private static double Weight(ReadOnlySpan<double> weights, int i) => weights.IsEmpty ? 1 : weights[i];

    private static void Check(double capacity, ReadOnlySpan<double> demands, ReadOnlySpan<double> weights, int shares)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        ArgumentOutOfRangeException.ThrowIfNotEqual(shares, demands.Length);
        if (!weights.IsEmpty) ArgumentOutOfRangeException.ThrowIfNotEqual(weights.Length, demands.Length);
        foreach (var demand in demands)
        {
            if (!(demand >= 0 && double.IsFinite(demand))) throw new ArgumentOutOfRangeException(nameof(demands), demand, "must be 0 or more");
        }
        foreach (var weight in weights)
        {
            if (!(weight > 0 && double.IsFinite(weight))) throw new ArgumentOutOfRangeException(nameof(weights), weight, "must be more than 0");
        }
    }
}
