using FeedMall.Resilience.Quotas;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Quotas;

public sealed class QuotaAllocatorTests
{
    private readonly TestClock _clock = new();

    [Fact]
    public void A_node_grows_only_by_what_others_have_given_back()
    {
        var allocator = Allocator(1000);
        Assert.Equal(900, Ask(allocator, "a", 900).Rate, 1e-6);
        Assert.Equal(100, Ask(allocator, "b", 900).Rate, 1e-6);
        Assert.Equal(500, Ask(allocator, "a", 900).Rate, 1e-6);
        var grant = Ask(allocator, "b", 900);
        Assert.Equal((500, 50, 3, 2L, 1000, 2), (grant.Rate, grant.Burst, grant.Ttl.TotalSeconds, grant.Epoch, grant.Limit, grant.Nodes));
    }

    [Fact]
    public void What_nobody_needs_is_handed_out_equally_but_for_the_reserve_and_not_to_newcomers()
    {
        var allocator = Allocator(1000);
        Assert.Equal(100, Ask(allocator, "a", 100).Rate);
        Assert.Equal(200, Ask(allocator, "b", 200).Rate);
        Assert.Equal(100 + (900 - 300) / 2, Ask(allocator, "a", 100).Rate);
        Assert.Equal(200 + (900 - 300) / 2, Ask(allocator, "b", 200).Rate);
    }

    [Fact]
    public void The_share_of_a_silent_node_is_free_after_its_time()
    {
        var allocator = Allocator(100);
        Ask(allocator, "a", 100);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(0, Ask(allocator, "b", 100).Rate);
        _clock.Advance(TimeSpan.FromSeconds(1.01));
        Assert.Equal(100, Ask(allocator, "b", 100).Rate);
        Assert.Equal("b", Assert.Single(allocator.Snapshot().Shares).Node);
        Assert.Equal(3, allocator.Snapshot().Epoch);
    }

    [Fact]
    public void Weights_count()
    {
        var allocator = Allocator(90);
        foreach (var _ in Enumerable.Range(0, 3))
            foreach (var weight in (int[])[1, 2, 3]) allocator.Request(new QuotaRequest($"{weight}", weight, 1000));
        Assert.Equal([15.0, 30, 45], allocator.Snapshot().Shares.Select(share => Math.Round(share.Rate, 6)));
    }

    [Fact]
    public void A_new_limit_holds_when_every_node_has_asked_again()
    {
        var allocator = Allocator(100);
        foreach (var node in (string[])["a", "b", "a"]) Ask(allocator, node, 100);
        Ask(allocator, "b", 100);
        allocator.Options = allocator.Options with { Limit = 10 };
        Assert.Equal(100, allocator.Snapshot().Leased, 1e-6);
        foreach (var node in (string[])["a", "b", "a", "b"]) Ask(allocator, node, 100);
        Assert.Equal(10, allocator.Snapshot().Leased, 1e-6);
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.Options = allocator.Options with { Limit = -1 });
    }

    [Fact]
    public void A_node_too_many_gets_nothing_and_takes_no_place()
    {
        var allocator = new QuotaAllocator(new QuotaAllocatorOptions { MaxNodes = 1 }, _clock);
        Ask(allocator, "a", 1);
        Assert.Equal(0, Ask(allocator, "b", 1).Rate);
        Assert.Single(allocator.Snapshot().Shares);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1001, 1)]
    [InlineData(double.NaN, 1)]
    [InlineData(1, -1)]
    [InlineData(1, double.PositiveInfinity)]
    public void A_request_that_makes_no_sense_is_refused(double weight, double demand) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Allocator(1).Request(new QuotaRequest("a", weight, demand)));

    [Fact]
    public void Never_is_more_leased_than_the_limit() =>
        // Each step: wait so long, then this node asks for so much.
        Prop.ForAll(Gen.Choose(0, 2000).Zip(Gen.Choose(0, 9)).Zip(Gen.Choose(0, 500)).ListOf().ToArbitrary(), steps =>
        {
            var clock = new TestClock();
            var allocator = new QuotaAllocator(new QuotaAllocatorOptions { Limit = 300 }, clock);
            foreach (var ((wait, node), demand) in steps)
            {
                clock.Advance(TimeSpan.FromMilliseconds(wait));
                Ask(allocator, $"{node}", demand);
                if (allocator.Snapshot().Leased > 300 + 1e-6) return false;
            }
            return true;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Eight_threads_never_lease_more_than_the_limit_and_in_the_end_all_of_it()
    {
        var allocator = new QuotaAllocator(new QuotaAllocatorOptions { Limit = 300 }, TimeProvider.System);
        QuotaRequest[] requests = [new("a", 1, 250), new("b", 2, 250), new("a", 1, 10), new("b", 2, 10)];
        var (asked, wrong) = (new long[Stress.Threads], 0);
        Stress.Run((thread, turn) =>
        {
            var grant = allocator.Request(requests[(thread + turn / 64) % 4]);
            asked[thread]++;
            if (grant.Rate is < 0 or > 300 || grant.Nodes > 2) Interlocked.Increment(ref wrong);
            if (turn % 10_000 == 0 && allocator.Snapshot().Leased > 300 + 1e-6) Interlocked.Increment(ref wrong);
        });
        Assert.Equal((8_000_000, 0), (asked.Sum(), wrong));
        for (var round = 0; round < 2; round++)
            foreach (var request in requests[..2]) allocator.Request(request);
        var snapshot = allocator.Snapshot();
        Assert.Equal((2, 300.0), (snapshot.Shares.Count, Math.Round(snapshot.Leased, 6)));
        Assert.Equal([100, 200], snapshot.Shares.OrderBy(share => share.Node, StringComparer.Ordinal).Select(share => Math.Round(share.Rate, 6)));
    }

    [Fact]
    public void Batches_end_with_the_window_and_a_part_is_better_than_nothing()
    {
        var batches = new BatchAllocator(100, TimeSpan.FromSeconds(1), _clock);
        Assert.Equal([60, 40, 0], [batches.Take(60), batches.Take(60), batches.Take(60)]);
        _clock.Advance(TimeSpan.FromMilliseconds(1001));
        Assert.Equal(100, batches.Take(1000));
    }

    [Fact]
    public void Eight_threads_get_exactly_the_window()
    {
        var batches = new BatchAllocator(5_000_000, TimeSpan.FromSeconds(1), _clock);
        var granted = new long[Stress.Threads];
        Stress.Run((thread, _) => granted[thread] += batches.Take(1));
        Assert.Equal(5_000_000, granted.Sum());
    }

    private QuotaAllocator Allocator(double limit) => new(new QuotaAllocatorOptions { Limit = limit }, _clock);

    private static QuotaGrant Ask(QuotaAllocator allocator, string node, double demand) => allocator.Request(new QuotaRequest(node, 1, demand));
}
