using FeedMall.Resilience.Windows;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Windows;

public sealed class RollingCounterTests
{
    // Timestamps of the test clock are up to one tick short of the instant that it shows.
    private static readonly TimeSpan s_past = TimeSpan.FromMicroseconds(1);

    private sealed record Read(int AtMilliseconds, long Sum, long WithoutCurrent);

    private sealed record Table(int Buckets, int WidthMilliseconds, int[] AddsAtMilliseconds, Read[] Reads);

    private readonly TestClock _clock = new();

    [Fact]
    public void The_published_sums_come_out()
    {
        var table = Vectors.Read<Table>("window");
        var counter = Counter(table.Buckets, table.WidthMilliseconds);
        foreach (var at in table.AddsAtMilliseconds)
        {
            GoTo(at);
            counter.Add(1, 2);
        }
        foreach (var read in table.Reads)
        {
            GoTo(read.AtMilliseconds);
            Assert.Equal((read.AtMilliseconds, new WindowSums(read.Sum, 2 * read.Sum)), (read.AtMilliseconds, counter.Sum()));
            Assert.Equal((read.AtMilliseconds, read.WithoutCurrent), (read.AtMilliseconds, counter.Sum(skipCurrent: true).Successes));
        }
    }

    [Fact]
    public void After_a_gap_of_days_only_the_new_sample_counts()
    {
        var counter = Counter(10, 300);
        counter.Add(1, 1);
        _clock.Advance(TimeSpan.FromMilliseconds(1e9));
        counter.Add(1, 1);
        Assert.Equal(new WindowSums(1, 1), counter.Sum());
    }

    [Fact]
    public void A_clock_that_goes_back_counts_as_no_time_passed()
    {
        var clock = new SettableClock { Milliseconds = 10_000 };
        var counter = new RollingCounter(10, TimeSpan.FromMilliseconds(300), clock);
        counter.Add(1, 1);
        clock.Milliseconds = 0;
        counter.Add(1, 1);
        Assert.Equal(2, counter.Sum().Totals);
        clock.Milliseconds = 10_000;
        Assert.Equal(2, counter.Sum().Totals);
    }

    [Fact]
    public void A_young_counter_says_how_little_time_it_covers()
    {
        var counter = Counter(10, 300);
        Assert.Equal(TimeSpan.Zero, counter.Covered);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, counter.Covered.TotalSeconds, 6);
        _clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(TimeSpan.FromSeconds(3), counter.Covered);
    }

    [Fact]
    public void Nothing_is_lost_between_eight_threads()
    {
        // Wide enough that nothing expires while the clock steps on.
        var clock = new SettableClock();
        var counter = new RollingCounter(1000, TimeSpan.FromSeconds(10), clock);
        Stress.Run((thread, turn) =>
        {
            counter.Add(turn % 2, 1);
            if (thread == 0 && turn % 1000 == 0) clock.Milliseconds += 300;
            // And while the window changes its shape.
            if (thread == 1 && turn % 10_000 == 0) counter.Reshape(turn % 20_000 == 0 ? 500 : 1000, TimeSpan.FromSeconds(10));
        });
        Assert.Equal(new WindowSums(4_000_000, 8_000_000), counter.Sum());
    }

    [Fact]
    public void The_sums_are_those_of_a_list_of_all_samples() =>
        // Each step: wait so many milliseconds, then add so much.
        Prop.ForAll(Gen.Choose(0, 700).Zip(Gen.Choose(0, 5)).ListOf().ToArbitrary(), steps =>
        {
            var clock = new SettableClock();
            var counter = new RollingCounter(4, TimeSpan.FromMilliseconds(100), clock);
            var samples = new List<(long Slot, long Amount)>();
            foreach (var (wait, amount) in steps)
            {
                clock.Milliseconds += wait;
                counter.Add(amount, 1);
                var now = clock.Milliseconds / 100;
                samples.Add((now, amount));
                var inside = samples.Where(sample => sample.Slot > now - 4).ToList();
                if (counter.Sum() != new WindowSums(inside.Sum(sample => sample.Amount), inside.Count)) return false;
                var whole = inside.Where(sample => sample.Slot < now).ToList();
                if (counter.Sum(skipCurrent: true) != new WindowSums(whole.Sum(sample => sample.Amount), whole.Count)) return false;
            }
            return true;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_window_of_another_shape_keeps_what_was_counted()
    {
        var clock = new SettableClock { Milliseconds = 100_250 };
        var counter = new RollingCounter(10, TimeSpan.FromMilliseconds(500), clock);
        counter.Add(1, 2);
        clock.Milliseconds += 3000;
        counter.Add(10, 20);
        counter.Reshape(100, TimeSpan.FromMilliseconds(50));
        Assert.Equal(new WindowSums(11, 22), counter.Sum());
        // The later ones are in the slot of now, and not in one that is still to come.
        Assert.Equal(new WindowSums(1, 2), counter.Sum(skipCurrent: true));
        Assert.Equal((5.0, 3.0), (counter.Window.TotalSeconds, counter.Covered.TotalSeconds));
        counter.Reshape(2, TimeSpan.FromSeconds(10));
        Assert.Equal(new WindowSums(11, 22), counter.Sum());
        clock.Milliseconds += 10_000;
        Assert.Equal(new WindowSums(11, 22), counter.Sum());
        // Nothing from before its beginning is counted in the wider window.
        Assert.Equal(13, counter.Covered.TotalSeconds);
        counter.Reshape(1, TimeSpan.FromMilliseconds(1));
        Assert.Equal(new WindowSums(0, 0), counter.Sum());
    }

    [Theory]
    [InlineData(0, 300)]
    [InlineData(10_001, 300)]
    [InlineData(10, 0)]
    [InlineData(10, 86_400_001)]
    public void A_size_out_of_range_is_refused(int buckets, int width) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Counter(buckets, width));

    private RollingCounter Counter(int buckets, int widthMilliseconds) => new(buckets, TimeSpan.FromMilliseconds(widthMilliseconds), _clock);

    private void GoTo(int milliseconds) =>
        _clock.Advance(TimeSpan.FromMilliseconds(milliseconds) + s_past - (_clock.GetUtcNow() - new TestClock().GetUtcNow()));

    private sealed class SettableClock : TimeProvider
    {
        public long Milliseconds { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Milliseconds;
    }
}
