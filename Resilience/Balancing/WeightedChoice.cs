namespace FeedMall.Resilience.Balancing;

/// <summary>
/// Chooses by weight in the same time however many there are: one draw, two reads (Vose's alias method). Allocates nothing. Cannot change. (ALGORITHMS §9.7.)
/// </summary>
public sealed class WeightedChoice
{
    private readonly double[] _keep;
    private readonly int[] _alias;

    /// <summary>Builds the table.</summary>
    /// <param name="weights">0 or more each, more than 0 together.</param>
    public WeightedChoice(ReadOnlySpan<double> weights)
    {
        double sum = 0;
        foreach (var weight in weights)
        {
            if (!(weight >= 0 && double.IsFinite(weight))) throw new ArgumentOutOfRangeException(nameof(weights), weight, "not a weight");
            sum += weight;
        }
        if (!(sum > 0 && double.IsFinite(sum))) throw new ArgumentOutOfRangeException(nameof(weights), sum, "not a sum of weights");
        var count = weights.Length;
        (_keep, _alias) = (new double[count], new int[count]);
        var (small, large) = (new Stack<int>(), new Stack<int>());
        for (var i = 0; i < count; i++)
        {
            _keep[i] = weights[i] / sum * count;
            _alias[i] = i;
            (_keep[i] < 1 ? small : large).Push(i);
        }
        // Each column below 1 is filled up from one above.
        while (small.Count > 0 && large.Count > 0)
        {
            var (low, high) = (small.Pop(), large.Pop());
            _alias[low] = high;
            _keep[high] -= 1 - _keep[low];
            (_keep[high] < 1 ? small : large).Push(high);
        }
        // What is left over is 1 but for rounding; but what weighs nothing must never be chosen, whatever rounding does.
        var heaviest = 0;
        for (var i = 1; i < count; i++)
            if (weights[i] > weights[heaviest]) heaviest = i;
        foreach (var rest in small.Concat(large)) (_keep[rest], _alias[rest]) = weights[rest] > 0 ? (1, rest) : (0, heaviest);
    }

    /// <summary>The number of the chosen one, from 0.</summary>
    public int Next(IChance chance)
    {
        var drawn = chance.NextDouble() * _keep.Length;
        var column = (int)drawn;
        return drawn - column < _keep[column] ? column : _alias[column];
    }

    /// <summary>The probability with which each is chosen.</summary>
    internal double[] Distribution()
    {
        var shares = new double[_keep.Length];
        for (var column = 0; column < shares.Length; column++)
        {
            shares[column] += _keep[column] / shares.Length;
            shares[_alias[column]] += (1 - _keep[column]) / shares.Length;
        }
        return shares;
    }
}
