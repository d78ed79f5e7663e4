using FeedMall.Resilience;
using FeedMall.Resilience.Bulkheads;
using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Limiting;
using FeedMall.Resilience.Queueing;
using FeedMall.Testing;
using FeedMall.Tests.Resilience.Limiting;
using Xunit;

namespace FeedMall.Tests.Resilience.Queueing;

public sealed class AdmissionQueueTests
{
    private readonly TestClock _clock = new();

    [Fact]
    public async Task Who_finds_no_place_waits_for_one()
    {
        using var queue = Queue(places: 1);
        var first = await Enter(queue);
        var second = Enter(queue);
        Assert.False(second.IsCompleted);
        Assert.Equal(1, queue.Waiting);
        first.Complete(Outcome.Success);
        using var permit = await second;
        Assert.True(permit.IsAdmitted);
        Assert.Equal((0, 2L), (queue.Waiting, queue.Snapshot().Tiers[1].Admitted));
    }

    [Fact]
    public async Task A_place_goes_to_the_highest_tier_and_in_it_to_the_first()
    {
        using var queue = Queue(places: 1);
        var holder = await Enter(queue);
        Criticality[] order = [Criticality.Sheddable, Criticality.Critical, Criticality.SheddablePlus, Criticality.Critical, Criticality.CriticalPlus];
        var waiting = order.Select(tier => Enter(queue, tier)).ToList();
        foreach (var next in new[] { 4, 1, 3, 2, 0 })
        {
            Assert.DoesNotContain(waiting, task => task.IsCompleted && !ReferenceEquals(task, waiting[next]));
            holder.Dispose();
            holder = await waiting[next];
            waiting[next] = new TaskCompletionSource<Permit>().Task;
        }
    }

    [Fact]
    public async Task Another_queue_may_stand_in_front_of_the_limiter_when_the_first_one_was_disposed()
    {
        var limiter = new Bulkhead(new BulkheadOptions { Places = 1 }, _clock);
        var first = new AdmissionQueue(limiter, new AdmissionQueueOptions(), _clock);
        Assert.Throws<InvalidOperationException>(() => new AdmissionQueue(limiter, new AdmissionQueueOptions(), _clock));
        var holder = await first.EnterAsync(Criticality.Critical, 0, Timeout.InfiniteTimeSpan, TestContext.Current.CancellationToken);
        first.Dispose();
        using var second = new AdmissionQueue(limiter, new AdmissionQueueOptions(), _clock);
        // The first one must not take it off the limiter.
        first.Dispose();
        var waiting = Enter(second);
        Assert.Equal(Reason.Overloaded, (await Enter(first)).Reason);
        holder.Complete(Outcome.Success);
        Assert.True((await waiting).IsAdmitted);
    }

    [Fact]
    public async Task A_dry_run_that_begins_while_the_queue_is_full_refuses_nobody()
    {
        var limiter = new Bulkhead(new BulkheadOptions { Places = 1 }, _clock);
        using var queue = new AdmissionQueue(limiter, new AdmissionQueueOptions { Queue = new() { Capacity = 1 } }, _clock);
        using var holder = await Enter(queue);
        var waiting = Enter(queue);
        Assert.Equal(Reason.QueueTimeout, (await Enter(queue)).Reason);
        // By the limiter, which tells the queue nothing.
        limiter.DryRun = true;
        Assert.True((await Enter(queue)).IsAdmitted);
        Assert.False(waiting.IsCompleted);
        queue.DryRun = true;
        Assert.True((await waiting).IsAdmitted);
    }

    [Fact]
    public async Task Who_waits_too_long_is_refused_by_the_sweeper()
    {
        using var queue = Queue(places: 1);
        using var holder = await Enter(queue);
        var waiting = Enter(queue);
        _clock.Advance(TimeSpan.FromMilliseconds(500));
        Assert.False(waiting.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(250));
        Assert.Equal(Reason.QueueTimeout, (await waiting).Reason);
        Assert.Equal(1, queue.Snapshot().Tiers[1].QueueTimeout);
    }

    [Fact]
    public async Task Who_has_too_little_time_left_does_not_begin()
    {
        using var queue = Queue(places: 1);
        Assert.Equal(Reason.DeadlineExceeded, (await Enter(queue, timeLeft: TimeSpan.Zero)).Reason);
        Assert.Equal(Reason.DeadlineInsufficient, (await Enter(queue, timeLeft: TimeSpan.FromMilliseconds(5))).Reason);
        var holder = await Enter(queue, timeLeft: TimeSpan.FromMilliseconds(6));
        var hopeless = Enter(queue, timeLeft: TimeSpan.FromMilliseconds(100));
        var patient = Enter(queue, timeLeft: TimeSpan.FromMilliseconds(200));
        _clock.Advance(TimeSpan.FromMilliseconds(96));
        holder.Dispose();
        Assert.Equal(Reason.DeadlineInsufficient, (await hopeless).Reason);
        holder = await patient;
        var forgotten = Enter(queue, timeLeft: TimeSpan.FromMilliseconds(100));
        _clock.Advance(TimeSpan.FromMilliseconds(250));
        Assert.Equal(Reason.DeadlineExceeded, (await forgotten).Reason);
        holder.Dispose();
    }

    [Fact]
    public async Task Who_gives_up_leaves_the_queue_at_once()
    {
        using var queue = Queue(places: 1);
        using var holder = await Enter(queue);
        using var cancel = new CancellationTokenSource();
        var waiting = queue.EnterAsync(Criticality.Critical, 0, Timeout.InfiniteTimeSpan, cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal((0, 1L), (queue.Waiting, queue.Snapshot().Tiers[1].Cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => queue.EnterAsync(Criticality.Critical, 0, Timeout.InfiniteTimeSpan, cancel.Token).AsTask());
    }

    [Fact]
    public async Task In_a_full_waiting_room_a_lower_tier_makes_room()
    {
        using var queue = Queue(places: 1, capacity: 2);
        using var holder = await Enter(queue);
        var low = Enter(queue, Criticality.Sheddable);
        var middle = Enter(queue, Criticality.Critical);
        Assert.Equal(Reason.QueueTimeout, (await Enter(queue, Criticality.Sheddable)).Reason);
        var high = Enter(queue, Criticality.CriticalPlus);
        Assert.Equal(Reason.QueueTimeout, (await low).Reason);
        Assert.Equal(Reason.QueueTimeout, (await Enter(queue, Criticality.SheddablePlus)).Reason);
        Assert.False(middle.IsCompleted || high.IsCompleted);
        Assert.Equal(2, queue.Waiting);
    }

    [Fact]
    public async Task More_places_are_given_away_at_the_next_tick()
    {
        var bulkhead = new Bulkhead(new BulkheadOptions { Places = 1 }, _clock);
        using var queue = new AdmissionQueue(bulkhead, new AdmissionQueueOptions(), _clock);
        using var holder = await Enter(queue);
        var waiting = Enter(queue);
        bulkhead.Options = new BulkheadOptions { Places = 2 };
        _clock.Advance(TimeSpan.FromMilliseconds(250));
        using var permit = await waiting;
        Assert.Equal(2, bulkhead.InFlight);
    }

    [Fact]
    public async Task In_a_dry_run_nobody_waits()
    {
        var bulkhead = new Bulkhead(new BulkheadOptions { Places = 1 }, _clock) { DryRun = true };
        using var queue = new AdmissionQueue(bulkhead, new AdmissionQueueOptions(), _clock);
        using var first = await Enter(queue);
        using var second = await Enter(queue);
        using var third = await Enter(queue, timeLeft: TimeSpan.Zero);
        Assert.True(first.IsAdmitted && second.IsAdmitted && third.IsAdmitted);
        var tier = queue.Snapshot().Tiers[1];
        Assert.Equal((3, 1), (tier.Admitted, tier.DeadlineExceeded));
    }

    [Fact]
    public async Task An_end_refuses_all_who_wait_and_those_who_would()
    {
        var queue = Queue(places: 1);
        using var holder = await Enter(queue);
        var waiting = Enter(queue);
        queue.Dispose();
        Assert.Equal(Reason.Overloaded, (await waiting).Reason);
        Assert.Equal(Reason.Overloaded, (await Enter(queue)).Reason);
        holder.Dispose();
        using var last = await Enter(queue);
        Assert.True(last.IsAdmitted);
    }

    [Fact]
    public async Task Options_change_while_somebody_waits()
    {
        using var queue = Queue(places: 1);
        using var holder = await Enter(queue);
        var waiting = Enter(queue);
        queue.Options = new AdmissionQueueOptions { Queue = new ControlledDelayOptions { Interval = TimeSpan.FromMilliseconds(40) } };
        _clock.Advance(TimeSpan.FromMilliseconds(60));
        Assert.Equal(Reason.QueueTimeout, (await waiting).Reason);
        Assert.Throws<ArgumentOutOfRangeException>(() => queue.Options = new AdmissionQueueOptions { WaterlineMargin = 1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => queue.Options = new AdmissionQueueOptions { Queue = new ControlledDelayOptions { Capacity = 0 } });
    }

    [Fact]
    public async Task A_capacity_below_what_waits_refuses_the_next_one_and_loses_nobody()
    {
        using var queue = Queue(places: 1);
        var holder = await Enter(queue);
        Task<Permit>[] waiting = [Enter(queue), Enter(queue), Enter(queue)];
        var low = Enter(queue, Criticality.Sheddable);
        queue.Options = new AdmissionQueueOptions { Queue = new ControlledDelayOptions { Capacity = 2 } };
        Assert.Equal(Reason.QueueTimeout, (await Enter(queue)).Reason);
        Assert.Equal(Reason.QueueTimeout, (await low).Reason);
        Assert.Equal(3, queue.Waiting);
        holder.Dispose();
        foreach (var next in waiting) (await next).Complete(Outcome.Success);
        Assert.Equal(0, queue.Waiting);
    }

    [Fact]
    public async Task A_gate_has_one_queue_only_and_tiers_and_cohorts_are_checked()
    {
        var bulkhead = new Bulkhead(new BulkheadOptions(), _clock);
        using var queue = new AdmissionQueue(bulkhead, new AdmissionQueueOptions(), _clock);
        Assert.Throws<InvalidOperationException>(() => new AdmissionQueue(bulkhead, new AdmissionQueueOptions(), _clock));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await queue.EnterAsync((Criticality)4, 0, Timeout.InfiniteTimeSpan));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await queue.EnterAsync(Criticality.Critical, 64, Timeout.InfiniteTimeSpan));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await queue.EnterAsync(Criticality.Critical, -1, Timeout.InfiniteTimeSpan));
    }

    [Fact]
    public void Eight_threads_leave_nobody_in_flight_or_waiting_and_totals_are_exact()
    {
        // Nearly every turn waits for another thread, which takes its time on a busy machine.
        const int Turns = 20_000;
        var bulkhead = new Bulkhead(new BulkheadOptions { Places = 2 }, TimeProvider.System);
        using var queue = new AdmissionQueue(bulkhead, new AdmissionQueueOptions(), TimeProvider.System);
        long admitted = 0, refused = 0;
        Stress.Run((thread, turn) =>
        {
            var entering = queue.EnterAsync((Criticality)(thread % 4), turn % UserCohort.Count, Timeout.InfiniteTimeSpan);
            var permit = entering.IsCompletedSuccessfully ? entering.Result : entering.AsTask().GetAwaiter().GetResult();
            Interlocked.Increment(ref permit.IsAdmitted ? ref admitted : ref refused);
            permit.Complete(Outcome.Success);
            permit.Dispose();
        }, Turns);
        var tiers = queue.Snapshot().Tiers;
        Assert.Equal((0, 0), (bulkhead.InFlight, queue.Waiting));
        Assert.Equal(Stress.Threads * Turns, admitted + refused);
        Assert.Equal((admitted, refused), (tiers.Sum(tier => tier.Admitted), tiers.Sum(tier => tier.Refused)));
    }

    [Fact]
    public async Task Nobody_is_lost_between_a_place_and_a_cancellation()
    {
        var bulkhead = new Bulkhead(new BulkheadOptions { Places = 2 }, TimeProvider.System);
        using var queue = new AdmissionQueue(bulkhead, new AdmissionQueueOptions(), TimeProvider.System);
        long ended = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            for (var turn = 0; turn < 5000; turn++)
            {
                using var cancel = new CancellationTokenSource();
                var entering = queue.EnterAsync((Criticality)(worker % 4), 0, Timeout.InfiniteTimeSpan, cancel.Token).AsTask();
                if (turn % 2 == 0) await cancel.CancelAsync();
                try
                {
                    using var permit = await entering;
                    await Task.Yield();
                }
                catch (OperationCanceledException) when (turn % 2 == 0) { }
                Interlocked.Increment(ref ended);
            }
        }, TestContext.Current.CancellationToken)));
        Assert.Equal((40_000, 0, 0), (ended, bulkhead.InFlight, queue.Waiting));
        Assert.Equal(40_000, queue.Snapshot().Tiers.Sum(tier => tier.Admitted + tier.Refused + tier.Cancelled));
    }

    [Fact]
    public async Task Who_would_be_refused_at_the_door_learns_it_by_knocking_and_others_do_not_count_by_it()
    {
        using var queue = Queue(places: 1, capacity: 1);
        using var holder = await Enter(queue);
        var waiting = Enter(queue);
        for (var i = 0; i < 50; i++) Assert.False((await Enter(queue, Criticality.Sheddable)).IsAdmitted);
        Assert.Equal(Reason.None, queue.Knock(Criticality.Sheddable, UserCohort.Count - 1, Timeout.InfiniteTimeSpan));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.False((await waiting).IsAdmitted);

        var before = queue.Snapshot();
        Assert.Equal(Reason.Overloaded, queue.Knock(Criticality.Sheddable, UserCohort.Count - 1, Timeout.InfiniteTimeSpan));
        Assert.Equal(Reason.DeadlineExceeded, queue.Knock(Criticality.CriticalPlus, 0, TimeSpan.Zero));
        Assert.Equal(Reason.DeadlineInsufficient, queue.Knock(Criticality.CriticalPlus, 0, TimeSpan.FromMilliseconds(5)));
        Assert.Equal(Reason.None, queue.Knock(Criticality.CriticalPlus, 0, TimeSpan.FromSeconds(1)));
        var after = queue.Snapshot();
        Assert.Equal(before.Tiers[3].Overloaded + 1, after.Tiers[3].Overloaded);
        Assert.Equal(before.Tiers[0] with { DeadlineExceeded = 1, DeadlineInsufficient = 1 }, after.Tiers[0]);

        queue.DryRun = true;
        Assert.Equal(Reason.None, queue.Knock(Criticality.Sheddable, UserCohort.Count - 1, TimeSpan.Zero));
    }

    [Fact]
    public void Entering_at_once_and_being_refused_at_the_door_allocate_nothing()
    {
        var limiter = new BbrLimiter(new BbrLimiterOptions(), new FixedLoad(0), TimeProvider.System);
        using var queue = new AdmissionQueue(limiter, new AdmissionQueueOptions(), TimeProvider.System);
        Assert.Equal(0, Allocations.Of(() =>
        {
            Assert.True(AtOnce(queue.EnterAsync(Criticality.Critical, 3, TimeSpan.FromSeconds(1))).Complete(Outcome.Success));
            Assert.False(AtOnce(queue.EnterAsync(Criticality.Critical, 3, TimeSpan.Zero)).IsAdmitted);
            Assert.True(queue.Knock(Criticality.Critical, 3, TimeSpan.Zero) == Reason.DeadlineExceeded);
        }));
    }

    private static Permit AtOnce(ValueTask<Permit> entering) => entering.IsCompletedSuccessfully ? entering.Result : throw new InvalidOperationException("waits");

    private AdmissionQueue Queue(int places, int capacity = 2048) => new(new Bulkhead(new BulkheadOptions { Places = places }, _clock),
        new AdmissionQueueOptions { Queue = new ControlledDelayOptions { Capacity = capacity } }, _clock);

    private static Task<Permit> Enter(AdmissionQueue queue, Criticality tier = Criticality.Critical, TimeSpan? timeLeft = null) =>
        queue.EnterAsync(tier, 0, timeLeft ?? Timeout.InfiniteTimeSpan, TestContext.Current.CancellationToken).AsTask();
}
