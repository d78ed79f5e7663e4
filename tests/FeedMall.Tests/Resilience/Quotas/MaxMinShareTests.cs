using FeedMall.Resilience.Quotas;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Quotas;

public sealed class MaxMinShareTests
{
    private const double Precision = 1e-6;

    private sealed record Table(double[] Demands, double Capacity, double[] Weights, double[] Shares);

    private sealed record WholeTable(long[] Demands, long Capacity, double[] Weights, long[] Shares);

    private sealed record Case(double Capacity, double[] Demands, double[] Weights)
    {
        public double[] Shares => Fill(Capacity, Demands, Weights);
    }

    [Fact]
    public void The_published_shares_come_out() => Assert.All(Vectors.Read<Table[]>("max-min"), table =>
        Assert.All(table.Shares.Zip(Fill(table.Capacity, table.Demands, table.Weights)), share => Assert.Equal(share.First, share.Second, Precision)));

    [Fact]
    public void The_published_whole_shares_come_out() => Assert.All(Vectors.Read<WholeTable[]>("max-min-whole"), table =>
        Assert.Equal(table.Shares, Fill(table.Capacity, table.Demands, table.Weights)));

    [Fact]
    public void Nobody_gets_more_than_he_asks_for() => ForAll(c => c.Shares.Zip(c.Demands).All(user => user.First >= 0 && user.First <= user.Second));

    [Fact]
    public void All_is_given_out_while_somebody_wants_it() => ForAll(c => Near(c.Shares.Sum(), Math.Min(c.Capacity, c.Demands.Sum())));

    [Fact]
    public void Those_who_want_more_get_the_same_by_weight_and_no_less_than_the_satisfied() => ForAll(c =>
    {
        var levels = c.Shares.Select((share, i) => (Level: share / c.Weights[i], IsSatisfied: share >= c.Demands[i] - Precision)).ToList();
        var hungry = levels.Where(user => !user.IsSatisfied).Select(user => user.Level).ToList();
        return hungry.Count == 0 || (Near(hungry.Min(), hungry.Max()) && levels.All(user => user.Level <= hungry.Max() + Precision));
    });

    [Fact]
    public void Who_asks_for_more_helps_nobody_else() => Prop.ForAll(Cases(), Gen.Choose(0, 1000).Zip(Gen.Choose(0, 1000)).ToArbitrary(), (c, change) =>
    {
        var greedy = change.Item1 % c.Demands.Length;
        var demands = c.Demands.ToArray();
        demands[greedy] += change.Item2;
        var (before, after) = (c.Shares, Fill(c.Capacity, demands, c.Weights));
        return Enumerable.Range(0, demands.Length).All(i => i == greedy ? after[i] >= before[i] - Precision : after[i] <= before[i] + Precision);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_order_makes_no_difference() => ForAll(c =>
        c.Shares.Reverse().Zip(Fill(c.Capacity, [.. c.Demands.Reverse()], [.. c.Weights.Reverse()])).All(share => Near(share.First, share.Second)));

    [Fact]
    public void Whole_shares_are_the_exact_ones_rounded_and_add_up() => ForAll(c =>
    {
        long[] demands = [.. c.Demands.Select(demand => (long)demand)];
        var capacity = (long)c.Capacity;
        var shares = Fill(capacity, demands, c.Weights);
        var exact = Fill(capacity, [.. demands.Select(demand => (double)demand)], c.Weights);
        return shares.Sum() == Math.Min(capacity, demands.Sum())
            && Enumerable.Range(0, demands.Length).All(i => shares[i] <= demands[i] && Math.Abs(shares[i] - exact[i]) < 1 + Precision);
    });

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Fill(-1, [1.0], []));
        Assert.Throws<ArgumentOutOfRangeException>(() => Fill(1, [-1.0], []));
        Assert.Throws<ArgumentOutOfRangeException>(() => Fill(1, [double.NaN], []));
        Assert.Throws<ArgumentOutOfRangeException>(() => Fill(1, [1.0], [0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Fill(1, [1.0], [1, 1]));
        Assert.Empty(Fill(1, (double[])[], []));
        Assert.Equal([1.0], Fill(1e9, [1.0], [1]));
    }

    [Fact]
    public void Sharing_out_allocates_nothing()
    {
        double[] demands = [.. Enumerable.Range(0, 200).Select(i => (double)i)];
        var shares = new double[200];
        Assert.Equal(0, Allocations.Of(() => MaxMinShare.Fill(10_000, demands, [], shares)));
    }

    private static void ForAll(Func<Case, bool> holds) => Prop.ForAll(Cases(), holds).QuickCheckThrowOnFailure();

    private static Arbitrary<Case> Cases() =>
        (from capacity in Gen.Choose(0, 100_000)
         from users in Gen.Frequency((1, Gen.Constant(0)), (4, Gen.Choose(0, 10_000))).Zip(Gen.Choose(1, 100)).NonEmptyListOf()
         select new Case(capacity / 10.0, [.. users.Select(user => user.Item1 / 10.0)], [.. users.Select(user => user.Item2 / 10.0)])).ToArbitrary();

    private static bool Near(double one, double other) => Math.Abs(one - other) <= Precision;

    private static double[] Fill(double capacity, double[] demands, double[] weights)
    {
        var shares = new double[demands.Length];
        MaxMinShare.Fill(capacity, demands, weights, shares);
        return shares;
    }

    private static long[] Fill(long capacity, long[] demands, double[] weights)
    {
        var shares = new long[demands.Length];
        MaxMinShare.Fill(capacity, demands, weights, shares);
        return shares;
    }
}
