using FeedMall.Resilience.Limiting;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Limiting;

public sealed class PassWindowTests
{
    private static readonly TimeSpan s_halfSlot = TimeSpan.FromMilliseconds(500);

    private readonly TestClock _clock = new();

    [Fact]
    public void A_few_completions_do_not_get_lost_in_narrower_slots()
    {
        var wide = new PassWindow(10, TimeSpan.FromSeconds(10), _clock);
        Add(wide, passes: 3, milliseconds: 7);
        _clock.Advance(TimeSpan.FromSeconds(1));
        // Three slots of a hundred milliseconds with one each.
        var narrow = wide.Reshape(100, TimeSpan.FromSeconds(10));
        Assert.Equal((3, 1L, 7L), Figures(narrow.Reduce(_clock.GetTimestamp())));
    }

    [Fact]
    public void What_is_in_the_slot_that_is_filling_is_not_put_into_the_time_to_come()
    {
        var wide = new PassWindow(10, TimeSpan.FromSeconds(100), _clock);
        _clock.Advance(TimeSpan.FromSeconds(1) + s_halfSlot);
        Add(wide, passes: 30, milliseconds: 5);
        // Spread over the 15 slots of the second and a half that have passed; the last of them is still filling. Ten seconds are to come in the old slot.
        var narrow = wide.Reshape(100, TimeSpan.FromSeconds(10));
        Assert.Equal(2, narrow.Reduce(_clock.GetTimestamp()).MaxPass);
        for (var slot = 0; slot < 5; slot++)
        {
            Add(narrow, passes: 4, milliseconds: 5);
            _clock.Advance(TimeSpan.FromMilliseconds(100));
        }
        Assert.InRange(narrow.Reduce(_clock.GetTimestamp()).MaxPass, 4, 6);
    }

    [Fact]
    public void The_total_is_kept_by_every_shape() =>
        Prop.ForAll(Gen.Choose(1, 200).Zip(Gen.Choose(1, 5000)).Zip(Gen.Choose(10, 1000)).ToArbitrary(), input =>
        {
            var ((passes, milliseconds), buckets) = input;
            var clock = new TestClock();
            var whole = new PassWindow(10, TimeSpan.FromSeconds(100), clock);
            Add(whole, passes, milliseconds, clock);
            clock.Advance(TimeSpan.FromSeconds(10));
            // Cut up, and put together in one slot of a minute.
            var back = whole.Reshape(buckets, TimeSpan.FromSeconds(100)).Reshape(10, TimeSpan.FromSeconds(600));
            clock.Advance(TimeSpan.FromSeconds(60));
            return Figures(back.Reduce(clock.GetTimestamp())) == (1, passes, milliseconds);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Beyond_eight_million_in_one_slot_no_more_are_counted_and_the_average_stays_right()
    {
        var window = new PassWindow(10, TimeSpan.FromSeconds(600), _clock);
        Stress.Run((_, _) => window.Add(0, 0), turns: 1_000_000);
        Add(window, passes: 100, milliseconds: 50_000);
        _clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal((1, 8_000_000L, 1L), Figures(window.Reduce(_clock.GetTimestamp())));
        // Nor when several full ones become one.
        Stress.Run((_, _) => window.Add(_clock.GetTimestamp(), _clock.GetTimestamp()), turns: 1);
        Assert.Equal(1, window.Reshape(10, TimeSpan.FromSeconds(600)).Reduce(_clock.GetTimestamp()).Buckets);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(1.0005, 1)]
    [InlineData(1.01, 2)]
    [InlineData(9.5, 10)]
    [InlineData(500_000, 131_071)]
    public void Times_are_whole_milliseconds_rounded_up(double milliseconds, long counted)
    {
        var window = new PassWindow(10, TimeSpan.FromSeconds(10), _clock);
        var elapsed = (long)(milliseconds * _clock.TimestampFrequency / 1000);
        window.Add(-elapsed, 0);
        _clock.Advance(TimeSpan.FromSeconds(1.001));
        Assert.Equal(counted, window.Reduce(_clock.GetTimestamp()).MinMilliseconds);
    }

    private void Add(PassWindow window, int passes, int milliseconds) => Add(window, passes, milliseconds, _clock);

    private static void Add(PassWindow window, int passes, int milliseconds, TestClock clock)
    {
        var now = clock.GetTimestamp();
        for (var pass = 0; pass < passes; pass++) window.Add(now - milliseconds * clock.TimestampFrequency / 1000, now);
    }

    private static (int, long, long) Figures(PassStatistics statistics) => (statistics.Buckets, statistics.MaxPass, statistics.MinMilliseconds);
}
