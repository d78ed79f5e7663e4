using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Resilience.Bulkheads;
using FeedMall.Resilience.Gates;
using Xunit;

namespace FeedMall.Tests.Resilience.Breaking;

public sealed class GutterPairTests
{
    private readonly SwitchedGate _primary = new() { Refuses = Reason.CircuitBreakerOpen };
    private readonly SwitchedGate _standby = new();
    private readonly SwitchedGate _limit = new();

    private GutterPair Pair => new(_primary, _standby, _limit);

    [Fact]
    public void While_the_primary_takes_calls_the_standby_gets_none()
    {
        _primary.Refuses = Reason.None;
        var pair = Pair;
        var permit = pair.TryEnter();
        Assert.Equal(GutterTarget.Primary, permit.Target);
        Assert.True(permit.Complete(Outcome.Success));
        Assert.False(permit.Complete(Outcome.Success));
        Assert.Equal(new GutterCounts(1, 0, 0), pair.Snapshot());
        Assert.Equal((1, 0, 0), (_primary.Succeeded, _standby.Counts.Admitted, _limit.Counts.Admitted));
    }

    [Fact]
    public void What_the_primary_refuses_goes_to_the_standby_and_gives_its_place_back()
    {
        var pair = Pair;
        using (var permit = pair.TryEnter())
        {
            Assert.Equal((GutterTarget.Standby, 1, 1), (permit.Target, _standby.InFlight, _limit.InFlight));
            permit.Complete(Outcome.Success);
        }
        Assert.Equal((0, 0, 1), (_standby.InFlight, _limit.InFlight, _standby.Succeeded));
        Assert.Equal(new GutterCounts(0, 1, 0), pair.Snapshot());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void When_the_standby_refuses_too_the_reason_of_the_primary_stays(bool forWantOfRoom)
    {
        (forWantOfRoom ? _limit : _standby).Refuses = Reason.BulkheadFull;
        var pair = Pair;
        var permit = pair.TryEnter();
        Assert.Equal((false, GutterTarget.None, Reason.CircuitBreakerOpen), (permit.IsAdmitted, permit.Target, permit.Reason));
        Assert.False(permit.Complete(Outcome.Failure));
        Assert.Equal((0, 0), (_standby.InFlight, _limit.InFlight));
        // A refusal for want of room is not asked of the standby's breaker: it would count as a drop.
        Assert.Equal(forWantOfRoom ? 0 : 1, _standby.Counts.Refused);
        Assert.Equal(new GutterCounts(0, 0, 1), pair.Snapshot());
    }

    [Fact]
    public void A_call_that_failed_at_the_primary_may_go_to_the_standby_and_no_further()
    {
        _primary.Refuses = Reason.None;
        var pair = Pair;
        var first = pair.TryEnter();
        first.Complete(Outcome.Failure);
        var second = pair.TryFailOver(first);
        Assert.Equal(GutterTarget.Standby, second.Target);
        second.Complete(Outcome.Failure);
        Assert.False(pair.TryFailOver(second).IsAdmitted);
        Assert.Equal(1, _standby.Counts.Admitted);
    }

    [Fact]
    public void A_call_that_failed_and_found_no_room_at_the_standby_did_not_find_both_closed()
    {
        _primary.Refuses = Reason.None;
        _limit.Refuses = Reason.BulkheadFull;
        var pair = Pair;
        var permit = pair.TryEnter();
        permit.Complete(Outcome.Failure);
        Assert.False(pair.TryFailOver(permit).IsAdmitted);
        Assert.Equal(new GutterCounts(1, 0, 0), pair.Snapshot());
    }

    [Fact]
    public void In_dry_run_all_three_gates_let_pass_and_the_primary_gets_every_call()
    {
        _limit.Refuses = _standby.Refuses = Reason.BulkheadFull;
        var pair = Pair;
        pair.DryRun = true;
        var permit = pair.TryEnter();
        Assert.Equal((GutterTarget.Primary, Reason.CircuitBreakerOpen), (permit.Target, permit.Reason));
        Assert.True(pair.TryFailOver(permit).IsAdmitted);
        Assert.Equal((1, 1, 1), (_primary.Counts.WouldHaveRefused, _standby.Counts.WouldHaveRefused, _limit.Counts.WouldHaveRefused));
        pair.DryRun = false;
        Assert.False(pair.TryEnter().IsAdmitted);
    }

    [Fact]
    public void Eight_threads_leave_nothing_in_flight_and_every_call_is_counted_once()
    {
        var primary = new Bulkhead(new BulkheadOptions { Places = 2 }, TimeProvider.System);
        var standby = new Bulkhead(new BulkheadOptions { Places = 64 }, TimeProvider.System);
        var limit = new Bulkhead(new BulkheadOptions { Places = 2 }, TimeProvider.System);
        var pair = new GutterPair(primary, standby, limit);
        var (atPrimary, atStandby, refused, failedOver) = (new long[8], new long[8], new long[8], new long[8]);
        Stress.Run((thread, turn) =>
        {
            using var permit = pair.TryEnter();
            (permit.Target switch { GutterTarget.Primary => atPrimary, GutterTarget.Standby => atStandby, _ => refused })[thread]++;
            if (turn % 4 != 0) return;
            permit.Complete(Outcome.Failure);
            using var other = pair.TryFailOver(permit);
            if (other.IsAdmitted) failedOver[thread]++;
        });
        Assert.Equal(new GutterCounts(atPrimary.Sum(), atStandby.Sum() + failedOver.Sum(), refused.Sum()), pair.Snapshot());
        Assert.Equal(8_000_000, atPrimary.Sum() + atStandby.Sum() + refused.Sum());
        Assert.Equal((0, 0, 0), (primary.InFlight, standby.InFlight, limit.InFlight));
    }

    [Fact]
    public void Deciding_allocates_nothing()
    {
        var pair = Pair;
        Assert.Equal(0, Allocations.Of(() => pair.TryEnter().Complete(Outcome.Success)));
    }

    private sealed class SwitchedGate() : Gate(TimeProvider.System)
    {
        public Reason Refuses { get; set; }

        public int InFlight { get; private set; }

        public int Succeeded { get; private set; }

        protected override Reason TryAdmit(long now)
        {
            if (Refuses == Reason.None) InFlight++;
            return Refuses;
        }

        protected override void AdmitAnyway(long now) => InFlight++;

        protected override void OnCompleted(long admittedAt, long now, Outcome outcome)
        {
            InFlight--;
            if (outcome == Outcome.Success) Succeeded++;
        }
    }
}
