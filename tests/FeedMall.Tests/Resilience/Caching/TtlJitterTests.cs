using FeedMall.Resilience.Caching;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Resilience.Caching;

public sealed class TtlJitterTests
{
    private sealed record Row(double Share, int Most);

    [Fact]
    public void Entries_that_were_filled_together_do_not_expire_together() => Assert.All(Vectors.Read<Row[]>("ttl-jitter"), row =>
    {
        var (jitter, chance) = (new TtlJitter(row.Share), new TestChance());
        var times = Enumerable.Range(0, 10_000).Select(_ => jitter.Apply(TimeSpan.FromHours(1), chance).TotalSeconds).ToList();
        var most = times.CountBy(seconds => (int)seconds).Max(second => second.Value);
        // The table is one run of chance.
        Assert.InRange(most, row.Most * 0.75, row.Most * 1.25);
        Assert.All(times, seconds => Assert.InRange(seconds, 3600 * (1 - row.Share), 3600 * (1 + row.Share)));
        Assert.Equal(3600, times.Average(), 3600 * 0.01);
    });

    [Fact]
    public void A_spread_out_of_range_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new TtlJitter(-0.01));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TtlJitter(0.91));
    }
}
