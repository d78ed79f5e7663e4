using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Windows;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Resilience.Breaking;

public sealed class BreakerTests
{
    private sealed record PlainRow(long Requests, long Accepts, double K, double P);

    private sealed record RecommendedRow(long Total, long Accepts, int Failing, int Working, double K, double P);

    private sealed record Table(PlainRow[] Plain, RecommendedRow[] Recommended);

    private readonly TestClock _clock = new();

    [Fact]
    public void The_plain_formula_gives_the_published_shares()
    {
        foreach (var row in Vectors.Read<Table>("breaker").Plain)
        {
            var breaker = new PlainSreBreaker(new PlainSreBreakerOptions { K = row.K, MinRequests = 0 }, _clock, new TestChance());
            Assert.Equal(row.P, breaker.DropProbability(new OutcomeTally(row.Accepts, row.Requests - row.Accepts, 0, 0, 0)), 6);
            Assert.Equal(row.P, breaker.DropProbability(new OutcomeTally(row.Accepts, 0, row.Requests - row.Accepts, 0, 0)), 6);
        }
    }

    [Fact]
    public void The_recommended_formula_gives_the_published_shares()
    {
        var breaker = new SreBreaker(new SreBreakerOptions { MinRequests = 0 }, _clock, new TestChance());
        foreach (var row in Vectors.Read<Table>("breaker").Recommended)
        {
            var tally = new OutcomeTally(row.Accepts, row.Total - row.Accepts, 0, row.Working, row.Failing);
            Assert.Equal((row, row.P), (row, Math.Round(breaker.DropProbability(tally), 6)));
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Few_calls_are_never_dropped(string kind)
    {
        var breaker = Create(kind, new TestChance());
        Fail(breaker, 19);
        Assert.Equal(BreakerState.Closed, breaker.Snapshot().State);
        Fail(breaker, 1);
        var snapshot = breaker.Snapshot();
        Assert.Equal((BreakerState.Throttling, 20, 0, 20, 0), (snapshot.State, snapshot.Requests, snapshot.Accepts, snapshot.Failures, snapshot.Drops));
        Assert.Equal(kind == "plain" ? 20 / 21.0 : 15 / 21.0, snapshot.DropProbability, 9);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_call_is_dropped_when_chance_is_below_the_share_and_counts_as_a_request(string kind)
    {
        var chance = new TestChance(0, 0.999);
        var breaker = Create(kind, chance);
        Fail(breaker, 20);
        var p = breaker.Snapshot().DropProbability;

        var dropped = breaker.TryEnter();
        Assert.False(dropped.IsAdmitted);
        Assert.Equal(Reason.CircuitBreakerOpen, dropped.Reason);
        var after = breaker.Snapshot();
        Assert.Equal((21, 1), (after.Requests, after.Drops));
        Assert.True(after.DropProbability > p);
        Assert.Null(after.SinceLastPass);

        Assert.True(breaker.TryEnter().IsAdmitted);
        Assert.Equal(TimeSpan.Zero, breaker.Snapshot().SinceLastPass);
        Assert.Equal(2, chance.Taken);
        Assert.Equal(new GateCounts(21, 1, 0), breaker.Counts);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_closed_breaker_asks_no_chance(string kind)
    {
        var chance = new TestChance();
        var breaker = Create(kind, chance);
        for (var i = 0; i < 1000; i++) breaker.TryEnter().Complete(Outcome.Success);
        Assert.Equal(0, chance.Taken);
        Assert.Equal((1000, 1000, 0d), (breaker.Snapshot().Requests, breaker.Snapshot().Accepts, breaker.Snapshot().DropProbability));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Calls_that_say_nothing_about_the_target_are_not_counted(string kind)
    {
        var breaker = Create(kind, new TestChance());
        for (var i = 0; i < 100; i++) breaker.TryEnter().Complete(Outcome.Ignored);
        using (breaker.TryEnter()) { }
        Assert.Equal(0, breaker.Snapshot().Requests);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void In_dry_run_every_call_goes_and_only_what_really_happened_counts(string kind)
    {
        var breaker = Create(kind, new TestChance(0, 0, 0));
        breaker.DryRun = true;
        Fail(breaker, 20);
        for (var i = 0; i < 3; i++)
        {
            var permit = breaker.TryEnter();
            Assert.True(permit.IsAdmitted);
            Assert.Equal(Reason.CircuitBreakerOpen, permit.Reason);
            permit.Complete(Outcome.Failure);
        }
        Assert.Equal(new GateCounts(23, 0, 3), breaker.Counts);
        Assert.Equal((23, 0), (breaker.Snapshot().Failures, breaker.Snapshot().Drops));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void When_the_window_has_passed_all_is_forgotten(string kind)
    {
        var breaker = Create(kind, new TestChance(0));
        Fail(breaker, 100);
        _clock.Advance(TimeSpan.FromSeconds(kind == "plain" ? 3 : 10));
        Assert.Equal((BreakerState.Closed, 0), (breaker.Snapshot().State, breaker.Snapshot().Requests));
        Assert.True(breaker.TryEnter().IsAdmitted);
    }

    [Fact]
    public void While_throttling_a_probe_goes_each_second_whatever_chance_says()
    {
        var chance = new TestChance([0.9999, .. Enumerable.Repeat(0.0, 1000)]);
        var breaker = new SreBreaker(new SreBreakerOptions(), _clock, chance);
        Fail(breaker, 100);
        // The first that gets through by luck starts the clock of the probes.
        Assert.True(breaker.TryEnter().IsAdmitted);
        var probes = 0;
        for (var i = 0; i < 100; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(50));
            using var permit = breaker.TryEnter();
            if (permit.IsAdmitted) probes++;
        }
        Assert.Equal(4, probes);
    }

    [Fact]
    public void Of_many_threads_one_takes_the_probe()
    {
        var breaker = new SreBreaker(new SreBreakerOptions(), _clock, new TestChance([0.9999, .. Enumerable.Repeat(0.0, 8)]));
        Fail(breaker, 100);
        Assert.True(breaker.TryEnter().IsAdmitted);
        _clock.Advance(TimeSpan.FromSeconds(1.1));
        var probes = 0;
        Stress.Run((_, _) =>
        {
            if (breaker.TryEnter().IsAdmitted) Interlocked.Increment(ref probes);
        }, turns: 1);
        Assert.Equal(1, probes);
    }

    [Fact]
    public void Options_that_are_changed_live_keep_what_was_counted()
    {
        var breaker = new SreBreaker(new SreBreakerOptions(), _clock, new TestChance());
        var permit = breaker.TryEnter();
        Fail(breaker, 100);
        breaker.Options = breaker.Options with { Window = TimeSpan.FromSeconds(20), Buckets = 50, MinRequests = 1000 };
        Assert.Equal((BreakerState.Closed, 100), (breaker.Snapshot().State, breaker.Snapshot().Failures));
        breaker.Options = breaker.Options with { MinRequests = 20 };
        Assert.Equal(BreakerState.Throttling, breaker.Snapshot().State);
        Assert.True(permit.Complete(Outcome.Failure));
        Assert.Equal(101, breaker.Snapshot().Failures);
        Assert.Throws<ArgumentOutOfRangeException>(() => breaker.Options = breaker.Options with { K = 1 });
        Assert.Equal(1.5, breaker.Options.K);
    }

    [Fact]
    public void A_probability_is_never_below_0_when_the_window_was_read_before_it_got_fewer_buckets()
    {
        var breaker = new SreBreaker(new SreBreakerOptions { Buckets = 10 }, _clock, new TestChance());
        Assert.Equal(0, breaker.DropProbability(new OutcomeTally(Successes: 1, Failures: 1000, Drops: 0, Working: 39, Failing: 0)));
    }

    [Fact]
    public void Options_and_window_do_not_part_when_two_threads_change_them()
    {
        var breaker = new SreBreaker(new SreBreakerOptions(), new YieldingClock(), new SystemChance());
        var (few, many) = (breaker.Options with { Buckets = 2, Window = TimeSpan.FromSeconds(100) }, breaker.Options with { Buckets = 100, Window = TimeSpan.FromSeconds(10) });
        // Looked at whenever all have set theirs, and before any sets them again.
        using var together = new Barrier(Stress.Threads, _ => Assert.Equal(breaker.Options.Window, breaker.Window));
        Stress.Run((thread, _) =>
        {
            together.SignalAndWait();
            breaker.Options = thread % 2 == 0 ? few : many;
        }, turns: 300);
    }

    [Fact]
    public void Options_out_of_range_are_refused() => Assert.All((SreBreakerOptions[])
    [
        new() { Window = TimeSpan.FromMilliseconds(99) }, new() { Window = TimeSpan.FromMinutes(11) }, new() { Buckets = 1 }, new() { Buckets = 1001 },
        new() { Window = TimeSpan.FromMilliseconds(100), Buckets = 101 }, new() { K = 1 }, new() { K = 11 }, new() { K = double.NaN }, new() { MinRequests = -1 },
        new() { MinK = 1 }, new() { MinK = 1.6 }, new() { Protection = -1 }, new() { ProbeInterval = TimeSpan.Zero },
    ], options => Assert.Throws<ArgumentOutOfRangeException>(() => new SreBreaker(options, _clock, new TestChance())));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Eight_threads_count_exactly(string kind)
    {
        var breaker = Create(kind, new SystemChance());
        // Nothing may expire, and the clock stands still but for the last step.
        long successes = 0, failures = 0, drops = 0;
        Stress.Run((thread, turn) =>
        {
            using var permit = breaker.TryEnter();
            if (!permit.IsAdmitted) Interlocked.Increment(ref drops);
            else if ((thread + turn) % 4 == 0)
            {
                permit.Complete(Outcome.Success);
                Interlocked.Increment(ref successes);
            }
            else
            {
                permit.Complete(Outcome.Failure);
                Interlocked.Increment(ref failures);
            }
        });
        var snapshot = breaker.Snapshot();
        Assert.Equal((8_000_000, successes, failures, drops), (snapshot.Requests, snapshot.Accepts, snapshot.Failures, snapshot.Drops));
        Assert.Equal(new GateCounts(successes + failures, drops, 0), breaker.Counts);
        Assert.True(drops > 1_000_000);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_decision_allocates_nothing(string kind)
    {
        var breaker = Create(kind, new SystemChance());
        var turn = 0;
        Assert.Equal(0, Allocations.Of(() => breaker.TryEnter().Complete(turn++ % 3 == 0 ? Outcome.Success : Outcome.Failure)));
        Assert.True(breaker.Snapshot().Drops > 0);
    }

    public static TheoryData<string> Kinds { get; } = ["recommended", "plain"];

    private Breaker Create(string kind, IChance chance) =>
        kind == "plain" ? new PlainSreBreaker(new PlainSreBreakerOptions(), _clock, chance) : new SreBreaker(new SreBreakerOptions(), _clock, chance);

    // All are let in before the first has failed, so chance is not asked.
    private static void Fail(Breaker breaker, int times)
    {
        var permits = Enumerable.Range(0, times).Select(_ => breaker.TryEnter()).ToList();
        Assert.All(permits, permit => Assert.True(permit.Complete(Outcome.Failure)));
    }
}
