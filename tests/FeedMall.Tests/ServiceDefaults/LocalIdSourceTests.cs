using FeedMall.ServiceDefaults.Ids;
using FeedMall.Testing;
using Xunit;

namespace FeedMall.Tests.ServiceDefaults;

public sealed class LocalIdSourceTests
{
    [Theory]
    [InlineData("2015-01-01T00:00:00.001Z", 1, 0, 4198400)]
    [InlineData("2016-06-07T05:17:30.000Z", 0, 0, 189608755200000000)]
    [InlineData("2016-06-07T05:17:30.777Z", 0, 0, 189608758458974208)]
    [InlineData("2017-06-28T06:29:42.756Z", 1, 0, 329508644217425920)]
    [InlineData("2017-09-04T03:12:11.615Z", 999, 1, 354101311794212865)]
    [InlineData("2017-09-04T03:21:31.211Z", 999, 4, 354103658909954052)]
    [InlineData("2025-01-01T00:00:00.000Z", 1023, 4095, 1323802873040994303)]
    public void The_vectors_of_the_layout_come_out(string instant, int worker, int sequence, long expected)
    {
        var ids = new LocalIdSource(worker, new TestClock(DateTimeOffset.Parse(instant, System.Globalization.CultureInfo.InvariantCulture)));
        for (var i = 0; i < sequence; i++) ids.Next();
        Assert.Equal(expected, ids.Next());
    }

    [Fact]
    public async Task Ten_threads_get_ids_that_are_all_different_and_increasing_for_each()
    {
        var ids = new LocalIdSource(3, TimeProvider.System);
        var perThread = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(() =>
        {
            var mine = new long[100_000];
            for (var i = 0; i < mine.Length; i++) mine[i] = ids.Next();
            return mine;
        })));
        foreach (var mine in perThread)
        {
            for (var i = 1; i < mine.Length; i++) Assert.True(mine[i] > mine[i - 1]);
        }
        Assert.Equal(1_000_000, perThread.SelectMany(mine => mine).ToHashSet().Count);
    }

    [Fact]
    public async Task After_4096_ids_of_one_millisecond_the_next_one_waits_until_the_clock_moves()
    {
        var clock = new FrozenClock(signalAfterReads: 4096 + 100);
        var ids = new LocalIdSource(1, clock);
        for (var i = 0; i < 4096; i++) ids.Next();
        var next = Task.Run(ids.Next, TestContext.Current.CancellationToken);
        // It has asked for the time again and again by now, and got no id.
        await clock.ReadOften.Task;
        Assert.False(next.IsCompleted);
        clock.Move();
        Assert.Equal(0, await next & 4095);
    }

    [Fact]
    public async Task A_restart_with_the_clock_a_little_behind_waits_until_it_is_above_what_was_stored()
    {
        var clock = new FrozenClock(signalAfterReads: 100);
        var stored = new LocalIdSource(1, new TestClock(clock.GetUtcNow() + TimeSpan.FromMilliseconds(3))).Next();
        var ids = new LocalIdSource(1, clock);
        ids.StartAbove(stored);
        var next = Task.Run(ids.Next, TestContext.Current.CancellationToken);
        await clock.ReadOften.Task;
        Assert.False(next.IsCompleted);
        while (!next.IsCompleted) clock.Move();
        Assert.True(await next > stored);
    }

    [Fact]
    public void A_clock_that_is_far_behind_the_last_id_is_an_error_that_says_what_to_do()
    {
        var ids = new LocalIdSource(1, new TestClock());
        ids.StartAbove(new LocalIdSource(1, new TestClock(new DateTimeOffset(2026, 1, 1, 0, 0, 5, TimeSpan.Zero))).Next());
        var error = Assert.Throws<InvalidOperationException>(() => ids.Next());
        Assert.Contains("5000 ms behind", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1024)]
    public void A_worker_out_of_range_is_refused(int worker) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new LocalIdSource(worker, new TestClock()));

    private sealed class FrozenClock(int signalAfterReads) : TimeProvider
    {
        private long _milliseconds;
        private int _reads;

        public TaskCompletionSource ReadOften { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override long TimestampFrequency => 1000;

        public override DateTimeOffset GetUtcNow() => new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override long GetTimestamp()
        {
            if (Interlocked.Increment(ref _reads) == signalAfterReads) ReadOften.SetResult();
            return Interlocked.Read(ref _milliseconds);
        }

        public void Move() => Interlocked.Increment(ref _milliseconds);
    }
}
