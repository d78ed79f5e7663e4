using FeedMall.Resilience.Balancing;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Balancing;

/// <summary>Choosing by weight, and whole numbers without favour.</summary>
public sealed class ChoiceTests
{
    private sealed record Bias(uint Count, int Favoured, int Most, int Least);

    private sealed record Figures(double[] Weights, double[] Distribution, uint[][] Thresholds);

    private static readonly Figures s_figures = Vectors.Read<Figures>("choice");

    [Fact]
    public void The_distribution_of_3_2_1_is_exact() => Near(s_figures.Distribution, new WeightedChoice(s_figures.Weights).Distribution());

    [Fact]
    public void The_distribution_is_that_of_the_weights_and_what_weighs_nothing_is_never_chosen() =>
        Prop.ForAll(Gen.Choose(0, 1000).NonEmptyListOf().Where(weights => weights.Sum() > 0).ToArbitrary(), weights =>
        {
            // Thirds, so that rounding happens.
            var choice = new WeightedChoice([.. weights.Select(weight => weight / 3.0)]);
            Near([.. weights.Select(weight => weight / (double)weights.Sum())], choice.Distribution());
            var chance = new TestChance(0, 1 - 1e-16);
            for (var draw = 0; draw < 50; draw++) Assert.NotEqual(0, weights[choice.Next(chance)]);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Draws_follow_the_distribution_and_allocate_nothing()
    {
        var (choice, chance) = (new WeightedChoice([3, 0, 2, 1]), new TestChance());
        var counts = new int[4];
        for (var draw = 0; draw < 60_000; draw++) counts[choice.Next(chance)]++;
        Assert.InRange(counts[0], 29_500, 30_500);
        Assert.Equal(0, counts[1]);
        Assert.InRange(counts[2], 19_500, 20_500);
        Assert.Equal(0, Allocations.Of(() => choice.Next(chance)));
        foreach (var bad in new double[][] { [], [0, 0], [1, -1], [double.NaN], [double.PositiveInfinity] })
            Assert.Throws<ArgumentOutOfRangeException>(() => new WeightedChoice(bad));
    }

    [Fact]
    public void A_remainder_favours_the_first_numbers_and_ours_favours_none() => Assert.All(Vectors.Read<Bias[]>("modulo-bias"), row =>
    {
        var (byRemainder, ours) = (new int[row.Count], new int[row.Count]);
        var rejected = 0;
        for (uint word = 0; word < 256; word++)
        {
            byRemainder[word % row.Count]++;
            if (UniformInteger.TryReduce(word, 8, row.Count, out var number)) ours[number]++;
            else rejected++;
        }
        Assert.Equal(Enumerable.Range(0, (int)row.Count).Select(number => number < row.Favoured ? row.Most : row.Least), byRemainder);
        Assert.All(ours, count => Assert.Equal(row.Least, count));
        Assert.Equal(row.Favoured, rejected);
    });

    [Fact]
    public void The_published_thresholds_come_out() => Assert.All(s_figures.Thresholds, row => Assert.Equal(row[1], UniformInteger.Threshold(32, row[0])));

    [Fact]
    public void An_input_that_is_left_over_is_drawn_again()
    {
        // For n = 3 the word 0 is left over.
        var chance = new TestChance(0, 0.5);
        Assert.Equal(1, UniformInteger.Below(3, chance));
        Assert.Equal(2, chance.Taken);
        Assert.Equal(9, UniformInteger.Below(10, new TestChance(1 - 1e-16)));
        Assert.Throws<ArgumentOutOfRangeException>(() => UniformInteger.Below(0, chance));
    }

    private static void Near(double[] expected, double[] actual) =>
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
}
