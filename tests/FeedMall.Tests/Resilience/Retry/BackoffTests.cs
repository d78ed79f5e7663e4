using FeedMall.Resilience.Retry;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Retry;

public sealed class BackoffTests
{
    private sealed record Shape(JitterKind Kind, int Attempt, double Chance, double Seconds, double Previous = 0);

    private sealed record Table(
        double[] None, double[] Connection, double[][] A6, double[] DecorrelatedMeans, double[][] SeedShareAtMax, Shape[] Shapes);

    private static readonly Table s_table = Vectors.Read<Table>("backoff");

    [Fact]
    public void Without_jitter_the_published_waits_come_out()
    {
        var backoff = Of(JitterKind.None);
        Assert.Equal(s_table.None, s_table.None.Select((_, attempt) => backoff.Next(attempt).TotalSeconds));
    }

    [Fact]
    public void Each_kind_of_jitter_has_its_shape() => Assert.All(s_table.Shapes, shape =>
        Assert.Equal(shape.Seconds, Of(shape.Kind, shape.Chance).Next(shape.Attempt, TimeSpan.FromSeconds(shape.Previous)).TotalSeconds, 6));

    [Fact]
    public void The_seed_kind_piles_up_at_the_longest_wait_as_published() => Assert.All(s_table.SeedShareAtMax, row =>
    {
        const int grid = 10_000;
        var backoff = Of(JitterKind.Seed, [.. Enumerable.Range(0, grid).Select(i => (double)i / grid)]);
        var atMax = Enumerable.Range(0, grid).Count(_ => backoff.Next((int)row[0]) == TimeSpan.FromSeconds(10));
        Assert.Equal(row[1], (double)atMax / grid, 0.001);
    });

    [Fact]
    public void The_decorrelated_waits_grow_as_published()
    {
        const int runs = 100_000;
        var backoff = Of(JitterKind.Decorrelated);
        var sums = new double[s_table.DecorrelatedMeans.Length];
        for (var run = 0; run < runs; run++)
        {
            var previous = TimeSpan.Zero;
            for (var n = 0; n < sums.Length; n++)
            {
                previous = backoff.Next(n, previous);
                sums[n] += previous.TotalSeconds;
            }
        }
        Assert.All(s_table.DecorrelatedMeans.Zip(sums), pair => Assert.Equal(pair.First, pair.Second / runs, 0.02 * pair.First));
    }

    [Fact]
    public void Every_wait_stays_between_half_the_shortest_and_the_longest() =>
        Prop.ForAll(
            Gen.Choose(0, 4).Zip(Gen.Choose(0, int.MaxValue)).Zip(Gen.Choose(0, 1000)).ToArbitrary(),
            input =>
            {
                var ((kind, attempt), chance) = (input.Item1, input.Item2 / 1001.0);
                var wait = Of((JitterKind)kind, chance).Next(attempt, TimeSpan.FromSeconds(2));
                return wait >= TimeSpan.FromMilliseconds(50) && wait <= TimeSpan.FromSeconds(10);
            }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(JitterKind.None)]
    [InlineData(JitterKind.Seed)]
    [InlineData(JitterKind.Full)]
    [InlineData(JitterKind.Equal)]
    [InlineData(JitterKind.Decorrelated)]
    public void When_the_shortest_wait_is_not_below_the_longest_every_wait_is_the_longest(JitterKind kind)
    {
        var options = new BackoffOptions { Min = TimeSpan.FromSeconds(20), Jitter = kind };
        Assert.Equal(options.Max, new Backoff(options, new TestChance(0)).Next(0));
    }

    [Fact]
    public void Connections_wait_as_published()
    {
        Assert.Equal(s_table.Connection, s_table.Connection.Select((_, attempt) => Connection(0.5).Next(attempt).TotalSeconds), (x, y) => Math.Abs(x - y) < 1e-6);
        Assert.Equal(0.8, Connection(0).Next(0).TotalSeconds, 6);
        Assert.Equal(144, Connection(0.9999999).Next(50).TotalSeconds, 3);
    }

    [Fact]
    public void The_retry_backoff_of_grpc_is_a_connection_backoff_with_other_figures()
    {
        var options = new ConnectionBackoffOptions { Initial = TimeSpan.FromMilliseconds(100), Max = TimeSpan.FromSeconds(1), Factor = 2 };
        Assert.All(s_table.A6.Index(), row =>
        {
            Assert.Equal(row.Item[0], new ConnectionBackoff(options, new TestChance(0)).Next(row.Index).TotalSeconds, 6);
            Assert.Equal(row.Item[1], new ConnectionBackoff(options, new TestChance(0.9999999)).Next(row.Index).TotalSeconds, 5);
        });
    }

    [Fact]
    public void Options_out_of_range_are_refused_by_name()
    {
        Assert.Equal("Min", Refused(new BackoffOptions { Min = TimeSpan.Zero }));
        Assert.Equal("Max", Refused(new BackoffOptions { Max = TimeSpan.FromDays(2) }));
        Assert.Equal("Factor", Refused(new BackoffOptions { Factor = double.NaN }));
        Assert.Equal("Jitter", Refused(new BackoffOptions { Jitter = (JitterKind)9 }));
        Assert.Equal("Jitter", Assert.Throws<ArgumentOutOfRangeException>(
            () => new ConnectionBackoff(new ConnectionBackoffOptions { Jitter = 1.1 }, new TestChance())).ParamName);

        static string? Refused(BackoffOptions options) =>
            Assert.Throws<ArgumentOutOfRangeException>(() => new Backoff(options, new TestChance())).ParamName;
    }

    private static Backoff Of(JitterKind kind, params double[] chance) => new(new BackoffOptions { Jitter = kind }, new TestChance(chance));

    private static ConnectionBackoff Connection(params double[] chance) => new(new ConnectionBackoffOptions(), new TestChance([.. Enumerable.Repeat(chance[0], 20)]));
}
