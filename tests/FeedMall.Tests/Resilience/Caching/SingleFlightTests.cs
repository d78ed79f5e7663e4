using System.Collections.Concurrent;
using System.Diagnostics;
using FeedMall.Resilience.Caching;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Caching;

public sealed class SingleFlightTests
{
    private static readonly AsyncLocal<string?> s_caller = new();

    private readonly TestClock _clock = new();
    private readonly TaskCompletionSource<int> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _loads;

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_thousand_callers_of_a_cold_key_are_one_load()
    {
        var flights = Of();
        var waits = new Task<FlightResult<int>>[1000];
        Parallel.For(0, waits.Length, i => waits[i] = flights.RunAsync("a", Load));
        _source.SetResult(7);
        var results = await Task.WhenAll(waits).WaitAsync(Test);
        Assert.All(results, result => Assert.Equal(7, result.Value));
        Assert.Single(results, result => !result.Shared);
        Assert.Equal(1, _loads);
        Assert.Equal((1, 999), (flights.Snapshot().Begun, flights.Snapshot().Joined));
    }

    [Fact]
    public async Task Other_keys_do_not_wait()
    {
        var flights = Of();
        var waiting = flights.RunAsync("a", Load, Test);
        Assert.Equal(8, (await flights.RunAsync("b", _ => Task.FromResult(8), Test)).Value);
        Assert.False(waiting.IsCompleted);
    }

    [Fact]
    public async Task A_leader_that_is_cancelled_takes_nobody_with_it()
    {
        var flights = Of();
        using var leaves = new CancellationTokenSource();
        var leader = flights.RunAsync("a", Load, leaves.Token);
        var follower = flights.RunAsync("a", Load, Test);
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leader);
        _source.SetResult(7);
        Assert.Equal(new FlightResult<int>(7, Shared: true), await follower);
        Assert.Equal(1, _loads);
    }

    [Fact]
    public async Task The_load_is_cancelled_when_the_last_one_has_gone_and_the_next_caller_begins_afresh()
    {
        var flights = Of();
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        var cancelled = new TaskCompletionSource();
        var began = new TaskCompletionSource();
        Task<int> Hang(Flight<string> flight)
        {
            flight.Cancellation.Register(() => cancelled.SetResult());
            began.SetResult();
            return _source.Task; // and takes no notice
        }
        var waits = new[] { flights.RunAsync("a", Hang, first.Token), flights.RunAsync("a", Hang, second.Token) };
        await began.Task.WaitAsync(Test);
        await first.CancelAsync();
        Assert.False(cancelled.Task.IsCompleted);
        await second.CancelAsync();
        foreach (var wait in waits) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
        await cancelled.Task.WaitAsync(Test);

        Assert.Equal(8, (await flights.RunAsync("a", _ => Task.FromResult(8), Test)).Value);
        Assert.Equal((1, 0), (flights.Snapshot().Abandoned, flights.Snapshot().TimedOut));
        Assert.Equal(1, flights.Snapshot().Running);
    }

    [Fact]
    public async Task An_exception_goes_to_all_and_is_not_kept()
    {
        var flights = Of();
        var waits = Enumerable.Range(0, 1000).Select(_ => flights.RunAsync("a", Load, Test)).ToList();
        _source.SetException(new InvalidDataException("torn"));
        foreach (var wait in waits) Assert.Equal("torn", (await Assert.ThrowsAsync<InvalidDataException>(() => wait)).Message);
        Assert.Equal(8, (await flights.RunAsync("a", _ => Task.FromResult(8), Test)).Value);
        Assert.Equal((2, 1), (flights.Snapshot().Begun, flights.Snapshot().Failed));
    }

    [Fact]
    public async Task A_loader_that_throws_before_its_first_wait_is_a_failed_load_too()
    {
        var flights = Of();
        await Assert.ThrowsAsync<InvalidDataException>(() => flights.RunAsync("a", _ => throw new InvalidDataException(), Test));
        Assert.Equal(0, flights.Snapshot().Running);
    }

    [Fact]
    public async Task When_those_who_wait_go_on_the_next_caller_already_begins_afresh()
    {
        for (var round = 0; round < 500; round++)
        {
            var flights = Of();
            var loads = 0;
            Task<int> Count(Flight<string> flight) => Task.FromResult(Interlocked.Increment(ref loads));
            Assert.Equal(1, (await flights.RunAsync("a", Count, Test)).Value);
            Assert.Equal(2, (await flights.RunAsync("a", Count, Test)).Value);
        }
    }

    [Fact]
    public async Task A_loader_that_takes_no_notice_of_the_time_limit_keeps_nobody_waiting()
    {
        var flights = Of();
        var wait = flights.RunAsync("a", Load, Test);
        _clock.Advance(TimeSpan.FromMilliseconds(4999));
        Assert.False(wait.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await Assert.ThrowsAsync<TimeoutException>(() => wait);
        Assert.Equal(8, (await flights.RunAsync("a", _ => Task.FromResult(8), Test)).Value);
        Assert.Equal((1, 1), (flights.Snapshot().TimedOut, flights.Snapshot().Running));
        _source.SetResult(7);
        await RunningIs(flights, 0);
    }

    [Fact]
    public async Task A_flight_runs_as_long_as_the_most_patient_caller_needs_it()
    {
        var flights = Of();
        var hasty = flights.RunAsync("a", Load, Test, TimeSpan.FromMilliseconds(100));
        var patient = flights.RunAsync("a", Load, Test, TimeSpan.FromSeconds(60));
        _clock.Advance(TimeSpan.FromMilliseconds(4999));
        Assert.False(hasty.IsCompleted || patient.IsCompleted);
        // Nobody's patience goes beyond the time limit.
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await Assert.ThrowsAsync<TimeoutException>(() => patient);

        var alone = flights.RunAsync("a", Load, Test, TimeSpan.FromMilliseconds(100));
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        await Assert.ThrowsAsync<TimeoutException>(() => alone);
        await Assert.ThrowsAsync<TimeoutException>(() => flights.RunAsync("a", Load, Test, TimeSpan.Zero));
    }

    [Fact]
    public async Task A_forgotten_key_is_loaded_again_and_both_answers_arrive()
    {
        var flights = Of();
        Flight<string>? old = null;
        var began = new TaskCompletionSource();
        var first = flights.RunAsync("a", flight =>
        {
            old = flight;
            began.SetResult();
            return _source.Task;
        }, Test);
        await began.Task.WaitAsync(Test);
        Assert.True(old!.IsCurrent);
        Assert.True(flights.Forget("a"));
        Assert.False(old.IsCurrent);
        Assert.False(flights.Forget("a"));

        var gate = new TaskCompletionSource<int>();
        var second = flights.RunAsync("a", _ => gate.Task, Test);
        _source.SetResult(1);
        Assert.Equal(1, (await first).Value);
        // The old flight's end did not remove the new one.
        var third = flights.RunAsync("a", Load, Test);
        gate.SetResult(2);
        Assert.Equal(new FlightResult<int>(2, false), await second);
        Assert.Equal(new FlightResult<int>(2, true), await third);
    }

    [Fact]
    public async Task A_flight_that_takes_too_long_is_left_behind_when_so_configured()
    {
        var flights = Of(new SingleFlightOptions { ForgetAfter = TimeSpan.FromMilliseconds(50) });
        var stuck = flights.RunAsync("a", Load, Test);
        _clock.Advance(TimeSpan.FromMilliseconds(50));
        Assert.False(flights.RunAsync("a", Load, Test).IsCompleted);
        Assert.Equal(1, flights.Snapshot().Begun);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(8, (await flights.RunAsync("a", _ => Task.FromResult(8), Test)).Value);
        _source.SetResult(7);
        Assert.Equal(7, (await stuck).Value);
    }

    [Fact]
    public async Task Too_many_loads_are_refused_but_joining_one_is_possible()
    {
        var flights = Of(new SingleFlightOptions { MaxFlights = 2 });
        var (a, b) = (flights.RunAsync("a", Load, Test), flights.RunAsync("b", Load, Test));
        Assert.Equal(2, (await Assert.ThrowsAsync<TooManyFlightsException>(() => flights.RunAsync("c", Load, Test))).MaxFlights);
        Assert.False(flights.TryBegin("c", Load));
        var joined = flights.RunAsync("a", Load, Test);
        // Its load is still under way, whatever the key.
        flights.Forget("b");
        await Assert.ThrowsAsync<TooManyFlightsException>(() => flights.RunAsync("b", Load, Test));
        Assert.Equal(2, flights.Snapshot().Refused);
        flights.Options = new SingleFlightOptions { MaxFlights = 3 };
        var c = flights.RunAsync("c", Load, Test);
        _source.SetResult(7);
        foreach (var wait in new[] { a, b, c, joined }) Assert.Equal(7, (await wait).Value);
    }

    [Fact]
    public async Task A_flight_that_nobody_waits_for_goes_on_and_can_be_joined()
    {
        var flights = Of();
        Assert.True(flights.TryBegin("a", Load));
        Assert.False(flights.TryBegin("a", Load));
        using var leaves = new CancellationTokenSource();
        var gone = flights.RunAsync("a", Load, leaves.Token);
        var stays = flights.RunAsync("a", Load, Test);
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        _source.SetResult(7);
        Assert.Equal(7, (await stays).Value);
        Assert.Equal(0, flights.Snapshot().Abandoned);
    }

    [Fact]
    public async Task A_flight_inherits_the_trace_but_nothing_else_of_its_first_caller()
    {
        s_caller.Value = "the leader";
        using var activity = new Activity("request").Start();
        var seen = await Of().RunAsync("a", _ => Task.FromResult(s_caller.Value is null && Activity.Current == activity ? 1 : 0), Test);
        Assert.Equal(1, seen.Value);
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>("TimeLimit", () => Of(new SingleFlightOptions { TimeLimit = TimeSpan.Zero }));
        Assert.Throws<ArgumentOutOfRangeException>("ForgetAfter", () => Of(new SingleFlightOptions { ForgetAfter = TimeSpan.Zero }));
        Assert.Throws<ArgumentOutOfRangeException>("MaxFlights", () => Of().Options = new SingleFlightOptions { MaxFlights = 0 });
    }

    [Fact]
    public async Task Many_threads_lose_no_flight()
    {
        // Each turn is work for the thread pool, which others wait for.
        const int Turns = 100_000;
        var flights = Of(new SingleFlightOptions { MaxFlights = 1_000_000 });
        var last = new Task[Stress.Threads];
        long refused = 0;
        Stress.Run((thread, turn) =>
        {
            last[thread] = flights.RunAsync($"{turn % 4}", Count, Test);
            if (last[thread].IsFaulted) Interlocked.Increment(ref refused);
        }, Turns);
        await Task.WhenAll(last).WaitAsync(Test);
        await RunningIs(flights, 0);
        var snapshot = flights.Snapshot();
        Assert.Equal(Stress.Threads * Turns, snapshot.Begun + snapshot.Joined + snapshot.Refused);
        Assert.Equal((snapshot.Begun, refused), (_loads, snapshot.Refused));

        Task<int> Count(Flight<string> flight) => Task.FromResult(Interlocked.Increment(ref _loads));
    }

    /// <summary>Steps of one run: somebody asks, somebody leaves, the load ends well or badly, the key is forgotten.</summary>
    private enum Step { Ask, Leave, Arrive, Throw, Forget }

    [Fact]
    public void Whatever_the_order_one_load_runs_at_a_time_and_nobody_gets_the_cancellation_of_another() =>
        Prop.ForAll(Gen.Elements(Enum.GetValues<Step>()).Zip(Gen.Choose(0, 100)).ListOf().ToArbitrary(),
            steps => HoldsAsync([.. steps.Select(step => (step.Item1, step.Item2))]).GetAwaiter().GetResult()).QuickCheckThrowOnFailure();

    private async Task HoldsAsync(List<(Step Step, int Choice)> steps)
    {
        var flights = Of();
        var loads = new ConcurrentQueue<(TaskCompletionSource<int> End, Flight<string> Flight)>();
        var waiting = new List<(Task<FlightResult<int>> Wait, CancellationTokenSource Leaves, long Epoch)>();
        var (epoch, begun) = (0L, 0L);

        async Task Settle(Action<TaskCompletionSource<int>> end, Func<Task<FlightResult<int>>, bool> expected)
        {
            while (loads.TryDequeue(out var load)) end(load.End);
            foreach (var (wait, leaves, _) in waiting)
            {
                await ((Task)wait).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                Assert.True(expected(wait));
                leaves.Dispose();
            }
            waiting.Clear();
        }

        foreach (var (step, choice) in steps)
        {
            if (step == Step.Ask)
            {
                var leaves = new CancellationTokenSource();
                var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                var wait = flights.RunAsync("a", flight =>
                {
                    var end = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
                    flight.Cancellation.Register(() => end.TrySetCanceled());
                    loads.Enqueue((end, flight));
                    began.SetResult();
                    return end.Task;
                }, leaves.Token);
                var isFirst = waiting.TrueForAll(other => other.Epoch != epoch);
                if (isFirst) begun++;
                Assert.Equal(begun, flights.Snapshot().Begun);
                if (isFirst) await began.Task;
                waiting.Add((wait, leaves, epoch));
            }
            else if (step == Step.Leave && waiting.Count > 0)
            {
                var (wait, leaves, _) = waiting[choice % waiting.Count];
                waiting.RemoveAt(choice % waiting.Count);
                await leaves.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
                leaves.Dispose();
                Assert.DoesNotContain(waiting, other => other.Wait.IsCompleted);
            }
            else if (step == Step.Arrive) await Settle(end => end.TrySetResult(7), wait => wait.IsCompletedSuccessfully);
            else if (step == Step.Throw) await Settle(end => end.TrySetException(new InvalidDataException()), wait => wait.Exception?.InnerException is InvalidDataException);
            else if (step == Step.Forget)
            {
                flights.Forget("a");
                Assert.DoesNotContain(loads, load => load.Flight.IsCurrent);
                epoch++;
            }
        }
        await Settle(end => end.TrySetResult(7), wait => wait.IsCompletedSuccessfully);
        await RunningIs(flights, 0);
    }

    private async Task<int> Load(Flight<string> flight)
    {
        Interlocked.Increment(ref _loads);
        return await _source.Task;
    }

    private SingleFlight<string, int> Of(SingleFlightOptions? options = null) => new(options ?? new SingleFlightOptions(), _clock);

    // A load's last step comes after those who waited were told.
    private static async Task RunningIs(SingleFlight<string, int> flights, int running)
    {
        while (flights.Snapshot().Running != running)
        {
            Test.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
