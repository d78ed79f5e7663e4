using FeedMall.Resilience.Load;
using FeedMall.Testing;
using FeedMall.Tests.Resilience.Limiting;
using Xunit;

namespace FeedMall.Tests.Resilience.Load;

public sealed class SignalTests
{
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(250);
    private static readonly LoadOptions s_unsmoothed = new() { QueueDelayDecay = 0, PauseDecay = 0 };
    private readonly TestClock _clock = new();
    private readonly List<IThreadPoolWorkItem> _pool = [];

    [Fact]
    public void Work_that_starts_late_is_load()
    {
        using var delay = new ThreadPoolDelay(s_unsmoothed, _pool.Add, _clock);
        _clock.Advance(s_tick);
        _clock.Advance(TimeSpan.FromMilliseconds(25));
        Assert.Single(_pool).Execute();
        Assert.Equal(0, delay.Permille);
        _clock.Advance(s_tick);
        Assert.Equal(500, delay.Permille, 1);
        Assert.Equal(2, _pool.Count);
    }

    [Fact]
    public void Work_that_does_not_start_at_all_is_load_too_and_does_not_pile_up()
    {
        using var delay = new ThreadPoolDelay(s_unsmoothed, _pool.Add, _clock);
        _clock.Advance(40 * s_tick);
        Assert.Equal(1000, delay.Permille);
        Assert.Single(_pool).Execute();
        _clock.Advance(s_tick);
        _pool[1].Execute();
        _clock.Advance(s_tick);
        Assert.Equal(0, delay.Permille, 3);
    }

    [Fact]
    public void A_single_late_start_is_smoothed()
    {
        using var delay = new ThreadPoolDelay(new LoadOptions(), _pool.Add, _clock);
        _clock.Advance(s_tick);
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        _pool[0].Execute();
        _clock.Advance(s_tick);
        Assert.Equal(500, delay.Permille, 3);
    }

    [Fact]
    public async Task The_real_thread_pool_is_asked()
    {
        using var delay = new ThreadPoolDelay(s_unsmoothed with { Tick = TimeSpan.FromMilliseconds(10), QueueDelayTarget = TimeSpan.FromMinutes(1) }, TimeProvider.System);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        enough.CancelAfter(TimeSpan.FromSeconds(20));
        while (delay.Permille == 0) await Task.Delay(5, enough.Token);
        Assert.InRange(delay.Permille, 0, 1000);
    }

    [Fact]
    public void Pauses_are_load_by_their_share_of_the_time()
    {
        var paused = TimeSpan.FromSeconds(7);
        using var pauses = new CollectionPauses(s_unsmoothed, () => paused, _clock);
        _clock.Advance(s_tick);
        Assert.Equal(0, pauses.Permille);
        paused += TimeSpan.FromMilliseconds(37.5);
        _clock.Advance(s_tick);
        Assert.Equal(500, pauses.Permille, 1);
        paused += TimeSpan.FromMilliseconds(200);
        _clock.Advance(s_tick);
        Assert.Equal(1000, pauses.Permille);
    }

    [Fact]
    public void The_highest_signal_counts()
    {
        var first = new FixedLoad(300);
        var second = new FixedLoad(200);
        var signal = new OverloadSignal(first, second);
        Assert.Equal(300, signal.Permille);
        second.Permille = 900;
        Assert.Equal(900, signal.Permille);
        Assert.Equal(0, new OverloadSignal().Permille);
    }

    [Fact]
    public void Reading_a_signal_allocates_nothing()
    {
        var signal = new OverloadSignal(new FixedLoad(1), new FixedLoad(2));
        Assert.Equal(0, Allocations.Of(() => _ = signal.Permille));
    }
}
