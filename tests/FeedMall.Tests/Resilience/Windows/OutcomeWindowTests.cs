using FeedMall.Resilience.Windows;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Windows;

public sealed class OutcomeWindowTests
{
    // Timestamps of the test clock are up to one tick short of the instant that it shows.
    private static readonly TimeSpan s_past = TimeSpan.FromMicroseconds(1);

    private sealed record Read(int AtMilliseconds, long Sum, long WithoutCurrent);

    private sealed record Table(int Buckets, int WidthMilliseconds, int[] AddsAtMilliseconds, Read[] Reads);

    private readonly TestClock _clock = new();

    private long Now => _clock.GetTimestamp();

    [Fact]
    public void The_published_sums_come_out()
    {
        var table = Vectors.Read<Table>("window");
        var window = Window(table.Buckets, table.WidthMilliseconds);
        foreach (var at in table.AddsAtMilliseconds)
        {
            GoTo(at);
            window.AddSuccess(Now);
            window.AddDrop(Now);
            window.AddDrop(Now);
        }
        foreach (var read in table.Reads)
        {
            GoTo(read.AtMilliseconds);
            var tally = window.Read(Now);
            Assert.Equal((read.AtMilliseconds, read.Sum, 0, 2 * read.Sum), (read.AtMilliseconds, tally.Successes, tally.Failures, tally.Drops));
        }
    }

    [Fact]
    public void After_a_gap_of_days_only_the_new_sample_counts()
    {
        var window = Window(10, 300);
        window.AddFailure(Now);
        _clock.Advance(TimeSpan.FromMilliseconds(1e9));
        window.AddSuccess(Now);
        Assert.Equal(new OutcomeTally(1, 0, 0, 1, 0), window.Read(Now));
    }

    [Fact]
    public void A_clock_that_goes_back_counts_as_no_time_passed()
    {
        var clock = new SettableClock { Milliseconds = 10_000 };
        var window = new OutcomeWindow(10, TimeSpan.FromMilliseconds(300), clock);
        window.AddSuccess(clock.Milliseconds);
        window.AddSuccess(0);
        Assert.Equal(2, window.Read(0).Successes);
        Assert.Equal(2, window.Read(10_000).Successes);
    }

    [Fact]
    public void Nothing_is_lost_between_eight_threads()
    {
        // Wide enough that nothing expires while the clock steps on.
        var window = Window(1000, 1000);
        Stress.Run((thread, turn) =>
        {
            if (turn % 2 == 0) window.AddSuccess(Now);
            else if (thread % 2 == 0) window.AddFailure(Now);
            else window.AddDrop(Now);
            if (turn % 100_000 == 0) _clock.Advance(TimeSpan.FromMilliseconds(700));
        });
        // One that was held up counts in a slot that has passed: the next one knows it.
        _clock.Advance(TimeSpan.FromSeconds(1));
        var tally = window.Read(Now);
        Assert.Equal((4_000_000, 2_000_000, 2_000_000), (tally.Successes, tally.Failures, tally.Drops));
    }

    [Fact]
    public void Slots_with_a_failure_end_the_run_of_working_ones_and_the_other_way_round()
    {
        var window = Window(10, 100);
        _clock.Advance(s_past);
        // One letter a slot: success, failure, drop, both, nothing.
        foreach (var slot in "ssfffdb-ss")
        {
            _clock.Advance(TimeSpan.FromMilliseconds(100));
            if (slot is 's' or 'b') window.AddSuccess(Now);
            if (slot is 'f' or 'b') window.AddFailure(Now);
            if (slot is 'd') window.AddDrop(Now);
            if (slot is 'd') Assert.Equal((0, 3), (window.Read(Now).Working, window.Read(Now).Failing));
            if (slot is 'b') Assert.Equal((0, 0), (window.Read(Now).Working, window.Read(Now).Failing));
        }
        Assert.Equal(new OutcomeTally(5, 4, 1, 2, 0), window.Read(Now));
    }

    [Theory]
    [InlineData(5, 100, 3)]
    [InlineData(10, 50, 3)]
    [InlineData(40, 250, 3)]
    [InlineData(2, 100, 2)]
    public void Another_shape_keeps_what_is_within_it(int buckets, int width, int kept)
    {
        var window = Window(4, 100);
        foreach (var at in (int[])[100, 250, 399])
        {
            GoTo(at);
            window.AddFailure(Now);
        }
        window.Reshape(buckets, TimeSpan.FromMilliseconds(width));
        Assert.Equal(kept, window.Read(Now).Failures);
        window.AddFailure(Now);
        Assert.Equal(kept + 1, window.Read(Now).Failures);
        _clock.Advance(TimeSpan.FromMilliseconds(buckets * width));
        Assert.Equal(default, window.Read(Now));
    }

    [Fact]
    public void A_shape_that_is_changed_back_and_forth_neither_loses_nor_keeps_forever()
    {
        var window = Window(10, 100);
        _clock.Advance(s_past);
        window.AddSuccess(Now);
        for (var i = 0; i < 5; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(100));
            window.Reshape(i % 2 == 0 ? 7 : 10, TimeSpan.FromMilliseconds(i % 2 == 0 ? 150 : 100));
        }
        Assert.Equal(1, window.Read(Now).Successes);
        _clock.Advance(TimeSpan.FromMilliseconds(1000));
        Assert.Equal(default, window.Read(Now));
    }

    [Fact]
    public void The_tally_is_that_of_a_list_of_all_points() =>
        // Each step: wait so many milliseconds, then add a success, a failure or a drop, or only read. Width and number of buckets by chance too.
        Prop.ForAll(Gen.Choose(0, 400).Zip(Gen.Choose(0, 3)).ListOf().Zip(Gen.Choose(2, 6).Zip(Gen.Choose(1, 120))).ToArbitrary(), history =>
        {
            var (steps, (buckets, width)) = history;
            var clock = new SettableClock();
            var window = new OutcomeWindow(buckets, TimeSpan.FromMilliseconds(width), clock);
            var points = new List<Point>();
            foreach (var (wait, kind) in steps)
            {
                clock.Milliseconds += wait;
                if (kind == 0) window.AddSuccess(clock.Milliseconds);
                if (kind == 1) window.AddFailure(clock.Milliseconds);
                if (kind == 2) window.AddDrop(clock.Milliseconds);
                var slot = clock.Milliseconds / width;
                points.Add(new Point(slot, kind));
                if (window.Read(clock.Milliseconds) != Naive(points, slot - buckets)) return false;
            }
            return true;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Adding_and_reading_allocate_nothing()
    {
        var window = new OutcomeWindow(10, TimeSpan.FromMilliseconds(1), TimeProvider.System);
        Assert.Equal(0, Allocations.Of(() =>
        {
            window.AddSuccess(TimeProvider.System.GetTimestamp());
            window.Read(TimeProvider.System.GetTimestamp());
        }));
    }

    [Theory]
    [InlineData(1, 300)]
    [InlineData(10_001, 300)]
    [InlineData(10, 0)]
    [InlineData(10, 86_400_001)]
    public void A_size_out_of_range_is_refused(int buckets, int width)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Window(buckets, width));
        var window = Window(10, 300);
        Assert.Throws<ArgumentOutOfRangeException>(() => window.Reshape(buckets, TimeSpan.FromMilliseconds(width)));
        Assert.Equal(TimeSpan.FromSeconds(3), window.Window);
    }

    private sealed record Point(long Slot, int Kind);

    private static OutcomeTally Naive(List<Point> points, long before)
    {
        var inside = points.Where(point => point.Slot > before).ToList();
        long LastSlotOf(int kind) => inside.Where(point => point.Kind == kind).Select(point => point.Slot).DefaultIfEmpty(-1).Max();
        int SlotsOf(int kind, long after) => inside.Where(point => point.Kind == kind && point.Slot > after).Select(point => point.Slot).Distinct().Count();
        return new OutcomeTally(inside.Count(point => point.Kind == 0), inside.Count(point => point.Kind == 1), inside.Count(point => point.Kind == 2),
            SlotsOf(0, LastSlotOf(1)), SlotsOf(1, LastSlotOf(0)));
    }

    private OutcomeWindow Window(int buckets, int widthMilliseconds) => new(buckets, TimeSpan.FromMilliseconds(widthMilliseconds), _clock);

    private void GoTo(int milliseconds) =>
        _clock.Advance(TimeSpan.FromMilliseconds(milliseconds) + s_past - (_clock.GetUtcNow() - new TestClock().GetUtcNow()));

    private sealed class SettableClock : TimeProvider
    {
        public long Milliseconds { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Milliseconds;
    }
}
