using FeedMall.Resilience;
using FeedMall.Resilience.Queueing;
using FeedMall.Testing;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FeedMall.Tests.Resilience.Queueing;

public sealed class ControlledDelayQueueTests
{
    private readonly TestClock _clock = new();
    private readonly List<(string Item, Reason Reason)> _refused = [];

    private sealed record Step(double At, string? Enqueue, string? Dequeue, string[]? Refused, bool? Overloaded);

    private sealed record Course(string Name, Step[] Steps);

    private sealed record Cases(double TargetMilliseconds, double IntervalMilliseconds, Course[] Runs);

    [Fact]
    public void It_takes_and_refuses_as_published() => Assert.All(Vectors.Read<Cases>("queue").Runs, run =>
    {
        var clock = new TestClock();
        var start = clock.GetUtcNow();
        var refused = new List<string>();
        var queue = new ControlledDelayQueue<string>(new ControlledDelayOptions(), (item, _) => refused.Add(item), clock);
        foreach (var step in run.Steps)
        {
            clock.Advance(start + TimeSpan.FromMilliseconds(step.At) - clock.GetUtcNow());
            var now = clock.GetTimestamp();
            refused.Clear();
            if (step.Enqueue is not null)
            {
                Assert.NotNull(queue.TryEnqueue(step.Enqueue, long.MaxValue, now));
                continue;
            }
            Assert.Equal(step.Overloaded, queue.IsOverloaded(now));
            Assert.Equal((step.Dequeue is not null, step.Dequeue), (queue.TryDequeue(now, 0, out var item), item));
            Assert.Equal(step.Refused ?? [], refused);
        }
    });

    [Fact]
    public void What_has_no_time_left_to_be_done_is_not_started()
    {
        var queue = Queue();
        queue.TryEnqueue("past", After(9), Now);
        queue.TryEnqueue("short", After(30), Now);
        queue.TryEnqueue("enough", After(31), Now);
        Go(10);
        Assert.True(queue.TryDequeue(Now, Ticks(20), out var item));
        Assert.Equal("enough", item);
        Assert.Equal([("past", Reason.DeadlineExceeded), ("short", Reason.DeadlineInsufficient)], _refused);
        queue.TryEnqueue("floor", After(5), Now);
        Assert.False(queue.TryDequeue(Now, 0, out _));
        Assert.Equal(("floor", Reason.DeadlineInsufficient), _refused[^1]);
    }

    [Fact]
    public void A_full_queue_refuses_the_new_one_and_an_overloaded_full_one_the_oldest()
    {
        var queue = Queue(new ControlledDelayOptions { Capacity = 2 });
        queue.TryEnqueue("a", long.MaxValue, Now);
        queue.TryEnqueue("b", long.MaxValue, Now);
        Assert.Null(queue.TryEnqueue("c", long.MaxValue, Now));
        Go(501);
        Assert.NotNull(queue.TryEnqueue("d", long.MaxValue, Now));
        Assert.Equal([("a", Reason.QueueTimeout)], _refused);
        Assert.Equal(2, queue.Count);
    }

    [Fact]
    public void Sweeping_refuses_what_waited_longer_than_the_interval_or_has_no_time_left()
    {
        var queue = Queue();
        queue.TryEnqueue("a", long.MaxValue, Now);
        Go(1);
        queue.TryEnqueue("b", long.MaxValue, Now);
        queue.TryEnqueue("c", After(100), Now);
        Go(500);
        queue.Sweep(Now);
        Assert.Equal([("a", Reason.QueueTimeout), ("c", Reason.DeadlineExceeded)], _refused);
        Assert.Equal(1, queue.Count);
        Go(1);
        queue.Sweep(Now);
        Assert.Equal(0, queue.Count);
        Assert.False(queue.IsOverloaded(Now));
    }

    [Fact]
    public void Who_goes_leaves_no_gap_and_can_go_only_once()
    {
        var queue = Queue();
        queue.TryEnqueue("a", long.MaxValue, Now);
        var node = queue.TryEnqueue("b", long.MaxValue, Now)!;
        queue.TryEnqueue("c", long.MaxValue, Now);
        Assert.True(queue.Remove(node, Now));
        Assert.False(queue.Remove(node, Now));
        Assert.True(queue.TryDequeue(Now, 0, out var first) && queue.TryDequeue(Now, 0, out var second) && (first, second) == ("a", "c"));
        Assert.Empty(_refused);
    }

    [Fact]
    public void A_queue_that_becomes_empty_by_a_cancellation_is_not_overloaded_any_more()
    {
        var queue = Queue();
        var node = queue.TryEnqueue("a", long.MaxValue, Now)!;
        Go(600);
        Assert.True(queue.IsOverloaded(Now));
        queue.Remove(node, Now);
        queue.TryEnqueue("b", long.MaxValue, Now);
        Assert.False(queue.IsOverloaded(Now));
    }

    [Fact]
    public void Whatever_happens_each_item_ends_once_waits_no_longer_than_allowed_and_memory_is_bounded()
    {
        var steps = ArbMap.Default.ArbFor<(byte Act, byte Wait)[]>();
        Prop.ForAll(steps, acts => Behaves(acts)).QuickCheckThrowOnFailure();
    }

    private static bool Behaves((byte Act, byte Wait)[] acts)
    {
        const int Capacity = 5;
        var clock = new TestClock();
        var ended = new List<int>();
        var queue = new ControlledDelayQueue<int>(new ControlledDelayOptions { Capacity = Capacity }, (item, _) => ended.Add(item), clock);
        var enqueuedAt = new Dictionary<int, long>();
        var nodes = new Dictionary<int, LinkedListNode<Waiting<int>>>();
        var longest = new long[] { Ticks(500), Ticks(20) };
        foreach (var (act, wait) in acts)
        {
            clock.Advance(TimeSpan.FromMilliseconds(wait % 120));
            var now = clock.GetTimestamp();
            var overloaded = queue.IsOverloaded(now);
            switch (act % 5)
            {
                case 0 or 1:
                    var number = enqueuedAt.Count;
                    enqueuedAt[number] = now;
                    if (queue.TryEnqueue(number, long.MaxValue, now) is { } node) nodes[number] = node;
                    else ended.Add(number);
                    break;
                case 2 when queue.TryDequeue(now, 0, out var item):
                    if (now - enqueuedAt[item] > longest[overloaded ? 1 : 0] + 1) return false;
                    ended.Add(item);
                    break;
                case 3:
                    queue.Sweep(now);
                    break;
                case 4 when nodes.Count > 0 && nodes[wait % nodes.Count > 0 ? nodes.Keys.Max() : nodes.Keys.Min()] is { } leaving && queue.Remove(leaving, now):
                    ended.Add(leaving.Value.Item);
                    break;
            }
            if (queue.Count > Capacity) return false;
        }
        return ended.Distinct().Count() == ended.Count && ended.Count + queue.Count == enqueuedAt.Count;
    }

    private ControlledDelayQueue<string> Queue(ControlledDelayOptions? options = null) =>
        new(options ?? new ControlledDelayOptions(), (item, reason) => _refused.Add((item, reason)), _clock);

    private long Now => _clock.GetTimestamp();

    private void Go(double milliseconds) => _clock.Advance(TimeSpan.FromMilliseconds(milliseconds));

    private long After(double milliseconds) => Now + Ticks(milliseconds);

    private static long Ticks(double milliseconds) => (long)Math.Ceiling(milliseconds / 1000 * new TestClock().TimestampFrequency);
}
