using FeedMall.Resilience;
using FeedMall.Resilience.Quotas;
using FeedMall.Testing;
using FeedMall.Testing.Quotas;
using Xunit;

namespace FeedMall.Tests.Resilience.Quotas;

public sealed class QuotaClientTests
{
    private readonly TestClock _clock = new();
    private readonly BreakableSource _source;

    public QuotaClientTests() => _source = new BreakableSource(new QuotaAllocator(new QuotaAllocatorOptions { Limit = 100 }, _clock));

    [Fact]
    public void A_lease_gives_its_burst_and_then_its_rate()
    {
        using var client = Client();
        _clock.Advance(TimeSpan.Zero);
        Assert.Equal((true, 100.0, 1), (client.Snapshot().IsLeased, client.Snapshot().Rate, client.Snapshot().Nodes));
        Assert.Equal(10, Enumerable.Range(0, 20).Count(_ => client.TryTake().IsAdmitted));
        var refusal = client.TryTake();
        Assert.Equal((Reason.QuotaExceeded, 10.0), (refusal.Reason, Math.Round(refusal.RetryAfter.TotalMilliseconds)));
        _clock.Advance(TimeSpan.FromMilliseconds(50.01));
        Assert.Equal(5, Enumerable.Range(0, 20).Count(_ => client.TryTake().IsAdmitted));
        // More than the burst will ever hold.
        Assert.False(client.TryTake(11).IsAdmitted);
    }

    [Fact]
    public void Heartbeats_come_each_second_give_or_take_a_tenth()
    {
        using var client = Client(new TestChance(0, 1, 0.5));
        _clock.Advance(TimeSpan.Zero);
        foreach (var (before, until) in ((int, int)[])[(899, 2), (1098, 3), (997, 3)])
        {
            var asked = _source.Asked;
            _clock.Advance(TimeSpan.FromMilliseconds(before));
            Assert.Equal(asked, _source.Asked);
            _clock.Advance(TimeSpan.FromMilliseconds(until));
            Assert.Equal(asked + 1, _source.Asked);
        }
    }

    [Fact]
    public void Tokens_that_run_out_bring_a_pull_every_fifty_milliseconds_at_most()
    {
        using var client = Client();
        _clock.Advance(TimeSpan.Zero);
        for (var i = 0; i < 800; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(1));
            client.TryTake(10);
        }
        Assert.InRange(_source.Asked, 14, 17);
    }

    [Fact]
    public async Task Only_one_request_is_under_way()
    {
        _source.Hangs = true;
        using var client = Client();
        var waiting = Enumerable.Range(0, 100).Select(_ => client.TakeAsync(1, TestContext.Current.CancellationToken).AsTask()).ToList();
        Assert.Equal(1, _source.Asked);
        Assert.All(waiting, task => Assert.False(task.IsCompleted));
        _clock.Advance(TimeSpan.FromMilliseconds(19));
        Assert.All(waiting, task => Assert.False(task.IsCompleted));
        _clock.Advance(TimeSpan.FromMilliseconds(2));
        // The fallback decides: an equal part of what is assumed, with its burst of 10.
        var decisions = await Task.WhenAll(waiting);
        Assert.Equal(10, decisions.Count(decision => decision.IsAdmitted));
        Assert.Equal((1L, 100L), (client.Snapshot().FailedPulls, client.Snapshot().ByFallback));
        // From now on nobody waits.
        Assert.True(client.TakeAsync(1, CancellationToken.None).AsTask().IsCompleted);
    }

    [Fact]
    public async Task A_request_that_finds_no_lease_waits_for_the_first_one()
    {
        using var client = Client();
        Assert.True((await client.TakeAsync(1, TestContext.Current.CancellationToken)).IsAdmitted);
        Assert.Equal((true, 0L), (client.Snapshot().IsLeased, client.Snapshot().ByFallback));
    }

    [Fact]
    public void A_lease_ends_in_its_time_and_is_never_made_longer()
    {
        using var client = Client();
        _clock.Advance(TimeSpan.Zero);
        _source.IsUp = false;
        _clock.Advance(TimeSpan.FromMilliseconds(2999));
        Assert.True(client.Snapshot().IsLeased);
        _clock.Advance(TimeSpan.FromMilliseconds(2));
        Assert.False(client.Snapshot().IsLeased);
        client.Options = client.Options with { Fallback = QuotaFallback.DenyAll };
        Assert.False(client.TryTake().IsAdmitted);
        client.Options = client.Options with { Fallback = QuotaFallback.AllowAll };
        Assert.True(client.TryTake(1000).IsAdmitted);
        Assert.Equal(2, client.Snapshot().ByFallback);
    }

    [Fact]
    public void A_source_that_is_back_is_found_within_a_second()
    {
        using var client = Client();
        _clock.Advance(TimeSpan.Zero);
        _source.IsUp = false;
        _clock.Advance(TimeSpan.FromSeconds(10));
        var tried = client.Snapshot().FailedPulls;
        Assert.InRange(tried, 9, 40);
        _source.IsUp = true;
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(client.Snapshot().IsLeased);
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(tried, client.Snapshot().FailedPulls);
    }

    [Theory]
    [InlineData(double.NaN, 1, 1)]
    [InlineData(-1, 1, 1)]
    [InlineData(1, 0, 1)]
    [InlineData(1, 1, 0)]
    public void A_grant_that_makes_no_sense_counts_as_no_answer(double rate, int ttlSeconds, int nodes)
    {
        using var client = new QuotaClient("a", new QuotaClientOptions(), new FixedSource(new QuotaGrant(rate, 1, TimeSpan.FromSeconds(ttlSeconds), 1, 1, nodes)), _clock, new TestChance());
        _clock.Advance(TimeSpan.Zero);
        Assert.Equal((false, 1L), (client.Snapshot().IsLeased, client.Snapshot().FailedPulls));
    }

    [Fact]
    public void After_its_end_it_asks_no_more()
    {
        var client = Client();
        _clock.Advance(TimeSpan.Zero);
        client.Dispose();
        _clock.Advance(TimeSpan.FromSeconds(30));
        client.TryTake();
        Assert.Equal(1, _source.Asked);
    }

    [Fact]
    public void A_dry_run_counts_and_lets_pass()
    {
        using var client = Client();
        _clock.Advance(TimeSpan.Zero);
        client.DryRun = true;
        for (var i = 0; i < 15; i++) Assert.True(client.TryTake().IsAdmitted);
        var snapshot = client.Snapshot();
        Assert.Equal((15L, 0L, 5L), (snapshot.Admitted, snapshot.Refused, snapshot.WouldHaveRefused));
    }

    [Fact]
    public void A_decision_allocates_nothing()
    {
        using var client = Client();
        _clock.Advance(TimeSpan.Zero);
        // Asking again is not part of a decision: the clock stands, so it is not done.
        Assert.Equal(0, Allocations.Of(() => client.TryTake()));
    }

    [Fact]
    public void Eight_threads_get_exactly_what_is_leased()
    {
        using var client = new QuotaClient("a", new QuotaClientOptions(), new FixedSource(new QuotaGrant(1, 5_000_000, TimeSpan.FromHours(1), 1, 1, 1)), _clock, new TestChance());
        _clock.Advance(TimeSpan.Zero);
        Stress.Run((_, _) => client.TryTake());
        Assert.Equal((5_000_000L, 3_000_000L), (client.Snapshot().Admitted, client.Snapshot().Refused));
    }

    private QuotaClient Client(TestChance? chance = null) => new("a", new QuotaClientOptions(), _source, _clock, chance ?? new TestChance());

    private sealed class FixedSource(QuotaGrant grant) : IQuotaSource
    {
        public ValueTask<QuotaGrant> RequestAsync(QuotaRequest request, CancellationToken cancellation) => ValueTask.FromResult(grant);
    }
}
