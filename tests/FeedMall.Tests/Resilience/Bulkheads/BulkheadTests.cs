using FeedMall.Resilience;
using FeedMall.Resilience.Bulkheads;
using FeedMall.Resilience.Gates;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Resilience.Bulkheads;

public sealed class BulkheadTests
{
    private readonly TestClock _clock = new();

    [Fact]
    public void It_holds_as_many_as_it_has_places()
    {
        var bulkhead = new Bulkhead(new BulkheadOptions { Places = 2 }, _clock);
        using var first = bulkhead.TryEnter();
        using (var second = bulkhead.TryEnter()) Assert.True(second.IsAdmitted);
        using var third = bulkhead.TryEnter();
        Assert.True(third.IsAdmitted);
        Assert.Equal(Reason.BulkheadFull, bulkhead.TryEnter().Reason);
        Assert.Equal(new BulkheadSnapshot(2, 2, new GateCounts(3, 1, 0)), bulkhead.Snapshot());
    }

    [Fact]
    public void Places_change_while_some_are_taken()
    {
        var bulkhead = new Bulkhead(new BulkheadOptions { Places = 2 }, _clock);
        var first = bulkhead.TryEnter();
        using var second = bulkhead.TryEnter();
        bulkhead.Options = new BulkheadOptions { Places = 1 };
        first.Dispose();
        Assert.False(bulkhead.TryEnter().IsAdmitted);
        bulkhead.Options = new BulkheadOptions { Places = 3 };
        Assert.True(bulkhead.TryEnter().IsAdmitted);
        Assert.Throws<ArgumentOutOfRangeException>(() => bulkhead.Options = new BulkheadOptions { Places = 0 });
    }

    [Fact]
    public void A_dry_run_lets_in_more_than_there_are_places()
    {
        var bulkhead = new Bulkhead(new BulkheadOptions { Places = 1 }, _clock) { DryRun = true };
        using var first = bulkhead.TryEnter();
        using var second = bulkhead.TryEnter();
        Assert.Equal((true, Reason.BulkheadFull), (second.IsAdmitted, second.Reason));
        Assert.Equal(new BulkheadSnapshot(2, 1, new GateCounts(2, 0, 1)), bulkhead.Snapshot());
    }

    [Fact]
    public void Each_key_has_places_of_its_own_and_too_many_keys_share()
    {
        var bulkheads = new KeyedBulkheads(new BulkheadOptions { Places = 1, MaxKeys = 2 }, _clock);
        using var feed = bulkheads["feed"].TryEnter();
        using var mall = bulkheads["mall"].TryEnter();
        Assert.True(feed.IsAdmitted && mall.IsAdmitted);
        Assert.False(bulkheads["feed"].TryEnter().IsAdmitted);
        Assert.Same(bulkheads.Rest, bulkheads["kv"]);
        Assert.Same(bulkheads.Rest, bulkheads["id"]);
        using var kv = bulkheads["kv"].TryEnter();
        Assert.False(bulkheads["id"].TryEnter().IsAdmitted);
        Assert.Equal(["feed", "mall"], bulkheads.Snapshot().Keys.Order());

        bulkheads.Options = new BulkheadOptions { Places = 2, MaxKeys = 3 };
        Assert.True(bulkheads["feed"].TryEnter().IsAdmitted);
        Assert.NotSame(bulkheads.Rest, bulkheads["new"]);
        Assert.Same(bulkheads["new"], bulkheads["new"]);
        bulkheads.DryRun = true;
        Assert.True(bulkheads["feed"].DryRun && bulkheads.Rest.DryRun);
    }

    [Fact]
    public void Eight_threads_leave_nothing_in_flight_and_totals_are_exact()
    {
        var bulkheads = new KeyedBulkheads(new BulkheadOptions { Places = 3, MaxKeys = 2 }, TimeProvider.System);
        string[] keys = ["a", "b", "c", "d"];
        Stress.Run((thread, _) =>
        {
            var permit = bulkheads[keys[thread % keys.Length]].TryEnter();
            permit.Complete(Outcome.Success);
            permit.Dispose();
        });
        var all = bulkheads.Snapshot().Values.Append(bulkheads.Rest.Snapshot()).ToList();
        Assert.Equal(3, all.Count);
        Assert.All(all, bulkhead => Assert.Equal(0, bulkhead.InFlight));
        Assert.Equal(8_000_000, all.Sum(bulkhead => bulkhead.Counts.Admitted + bulkhead.Counts.Refused));
    }

    [Fact]
    public void A_decision_allocates_nothing()
    {
        var bulkheads = new KeyedBulkheads(new BulkheadOptions { Places = 1 }, TimeProvider.System);
        Assert.Equal(0, Allocations.Of(() =>
        {
            using var permit = bulkheads["feed"].TryEnter();
            bulkheads["feed"].TryEnter();
        }));
    }
}
