using FeedMall.Rpc;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.Rpc;

public sealed class DeadlineTimerTests
{
    private readonly TestClock _clock = new();

    [Fact]
    public void A_call_hears_of_its_deadline_once_and_not_before()
    {
        using var timer = new DeadlineTimer(_clock);
        var call = Start(timer, seconds: 2);
        _clock.Advance(TimeSpan.FromSeconds(1.9));
        Assert.Equal(0, call.Deadlines);
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(1, call.Deadlines);
        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(1, call.Deadlines);
    }

    [Fact]
    public void A_call_that_has_ended_hears_nothing_and_the_next_one_has_its_own_time()
    {
        using var timer = new DeadlineTimer(_clock);
        var first = Start(timer, seconds: 2);
        _clock.Advance(TimeSpan.FromSeconds(1));
        timer.Stop();
        var second = Start(timer, seconds: 2);
        // The timer fires for the first one's deadline here, and sleeps on.
        _clock.Advance(TimeSpan.FromSeconds(1.5));
        Assert.Equal((0, 0), (first.Deadlines, second.Deadlines));
        _clock.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal((0, 1), (first.Deadlines, second.Deadlines));
    }

    [Fact]
    public void A_call_with_less_time_than_the_one_before_is_not_late()
    {
        using var timer = new DeadlineTimer(_clock);
        Start(timer, seconds: 10);
        timer.Stop();
        var call = Start(timer, seconds: 1);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, call.Deadlines);
    }

    [Fact]
    public void A_timer_that_slept_through_idle_time_serves_the_next_call()
    {
        using var timer = new DeadlineTimer(_clock);
        Start(timer, seconds: 1);
        timer.Stop();
        _clock.Advance(TimeSpan.FromSeconds(60));
        var call = Start(timer, seconds: 1);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, call.Deadlines);
    }

    [Fact]
    public async Task No_call_of_many_misses_its_deadline_on_timers_that_are_used_again()
    {
        var cancel = TestContext.Current.CancellationToken;
        var pool = new Pool<DeadlineTimer>(() => new DeadlineTimer(TimeProvider.System));
        async Task RunAsync(int seed)
        {
            var random = new Random(seed);
            for (var i = 0; i < 200; i++)
            {
                var timer = pool.Rent();
                var call = new Call(TimeProvider.System, TimeSpan.FromMilliseconds(random.Next(1, 8)));
                timer.Start(call, call.Timeout, call.StartedAt);
                // Half of them end before their deadline, which must then leave whoever has the timer next alone.
                if (random.Next(2) == 0) await call.Ended.WaitAsync(TimeSpan.FromSeconds(30), cancel);
                else await Task.Yield();
                timer.Stop();
                call.End();
                pool.Return(timer);
            }
        }
        await Task.WhenAll(Enumerable.Range(1, 8).Select(seed => Task.Run(() => RunAsync(seed), cancel)));
    }

    private Call Start(DeadlineTimer timer, double seconds)
    {
        var call = new Call(_clock, TimeSpan.FromSeconds(seconds));
        timer.Start(call, call.Timeout, call.StartedAt);
        return call;
    }

    private sealed class Call(TimeProvider clock, TimeSpan timeout) : IDeadlined
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _deadlines;

        public TimeSpan Timeout => timeout;

        public long StartedAt { get; } = clock.GetTimestamp();

        public TimeSpan Remaining => timeout - clock.GetElapsedTime(StartedAt);

        public int Deadlines => _deadlines;

        public Task Ended => _ended.Task;

        public void End() => _ended.TrySetResult();

        public void OnDeadline()
        {
            // It never comes for a call that has more than the resolution of a timer left.
            if (Remaining >= TimeSpan.FromMilliseconds(1)) _ended.TrySetException(new InvalidOperationException($"{Remaining} were left."));
            Interlocked.Increment(ref _deadlines);
            _ended.TrySetResult();
        }
    }
}
