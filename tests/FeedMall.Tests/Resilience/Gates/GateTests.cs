using FeedMall.Resilience;
using FeedMall.Resilience.Gates;
using Xunit;

namespace FeedMall.Tests.Resilience.Gates;

public sealed class GateTests
{
    // As many places as it says, and it remembers what it was told.
    private sealed class CountedGate(int places) : Gate(TimeProvider.System)
    {
        private long _inFlight;
        private long _successes;
        private long _failures;
        private long _ignored;

        public long InFlight => Interlocked.Read(ref _inFlight);

        public (long Successes, long Failures, long Ignored) Outcomes => (Interlocked.Read(ref _successes), Interlocked.Read(ref _failures), Interlocked.Read(ref _ignored));

        protected override Reason TryAdmit(long now)
        {
            if (Interlocked.Increment(ref _inFlight) <= places) return Reason.None;
            Interlocked.Decrement(ref _inFlight);
            return Reason.BulkheadFull;
        }

        protected override void AdmitAnyway(long now) => Interlocked.Increment(ref _inFlight);

        protected override void OnCompleted(long admittedAt, long now, Outcome outcome)
        {
            if (admittedAt > now) Assert.Fail("given back before it was taken");
            Interlocked.Decrement(ref _inFlight);
            Interlocked.Increment(ref outcome == Outcome.Success ? ref _successes : ref outcome == Outcome.Failure ? ref _failures : ref _ignored);
        }
    }

    [Fact]
    public void A_permit_that_is_given_back_twice_counts_once()
    {
        var gate = new CountedGate(1);
        var permit = gate.TryEnter();
        var copy = permit;
        Assert.True(permit.Complete(Outcome.Success));
        Assert.False(permit.Complete(Outcome.Failure));
        Assert.False(copy.Complete(Outcome.Failure));
        copy.Dispose();
        Assert.Equal((1, 0, 0), gate.Outcomes);
        Assert.Equal(0, gate.InFlight);
    }

    [Fact]
    public void An_old_permit_does_not_give_back_the_place_of_a_newer_one()
    {
        var gate = new CountedGate(1);
        var old = gate.TryEnter();
        old.Complete(Outcome.Success);
        var newer = gate.TryEnter();
        Assert.False(old.Complete(Outcome.Success));
        Assert.Equal(1, gate.InFlight);
        Assert.True(newer.Complete(Outcome.Success));
    }

    [Fact]
    public void A_refusal_has_a_reason_and_nothing_to_give_back()
    {
        var gate = new CountedGate(1);
        using var first = gate.TryEnter();
        var refused = gate.TryEnter();
        Assert.False(refused.IsAdmitted);
        Assert.Equal(Reason.BulkheadFull, refused.Reason);
        Assert.False(refused.Complete(Outcome.Success));
        Assert.Equal(new GateCounts(1, 1, 0), gate.Counts);
        Assert.Equal(1, gate.InFlight);
    }

    [Fact]
    public void A_permit_that_is_only_disposed_of_says_nothing_about_the_target()
    {
        var gate = new CountedGate(1);
        using (gate.TryEnter()) Assert.Equal(1, gate.InFlight);
        Assert.Equal((0, 0, 1), gate.Outcomes);
    }

    [Fact]
    public void A_dry_run_lets_everything_in_and_counts_what_it_would_have_refused()
    {
        var gate = new CountedGate(1) { DryRun = true };
        using var first = gate.TryEnter();
        using (var second = gate.TryEnter())
        {
            Assert.True(second.IsAdmitted);
            Assert.Equal(Reason.BulkheadFull, second.Reason);
            Assert.Equal(2, gate.InFlight);
        }
        Assert.Equal(1, gate.InFlight);
        Assert.Equal(new GateCounts(2, 0, 1), gate.Counts);
    }

    [Fact]
    public void Thousands_of_permits_may_be_out_at_once()
    {
        var gate = new CountedGate(int.MaxValue);
        var permits = Enumerable.Range(0, 5000).Select(_ => gate.TryEnter()).ToList();
        Assert.Equal(5000, gate.InFlight);
        Assert.All(permits, permit => Assert.True(permit.Complete(Outcome.Failure)));
        Assert.All(permits, permit => Assert.False(permit.Complete(Outcome.Failure)));
        Assert.Equal((0, 5000, 0), gate.Outcomes);
    }

    [Fact]
    public void Eight_threads_give_back_each_permit_once_and_totals_are_exact()
    {
        var gate = new CountedGate(12);
        var held = new Permit[Stress.Threads];
        Stress.Run((thread, turn) =>
        {
            using var second = gate.TryEnter();
            // The permit of the turn before, again: it must not free the place of anybody.
            held[thread].Dispose();
            held[thread] = gate.TryEnter();
            held[thread].Complete(turn % 2 == 0 ? Outcome.Success : Outcome.Failure);
        });
        var (successes, failures, ignored) = gate.Outcomes;
        Assert.Equal(0, gate.InFlight);
        Assert.Equal(gate.Counts.Admitted, successes + failures + ignored);
        Assert.Equal(16_000_000, gate.Counts.Admitted + gate.Counts.Refused);
    }

    [Fact]
    public void Entering_and_giving_back_allocate_nothing()
    {
        var gate = new CountedGate(1);
        Assert.Equal(0, Allocations.Of(() =>
        {
            using var permit = gate.TryEnter();
            gate.TryEnter().Complete(Outcome.Success);
        }));
    }
}
