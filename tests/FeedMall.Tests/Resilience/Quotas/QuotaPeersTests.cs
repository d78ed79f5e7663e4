using FeedMall.Resilience.Quotas;
using FeedMall.Testing;
using FeedMall.Testing.Quotas;
using Xunit;

namespace FeedMall.Tests.Resilience.Quotas;

public sealed class QuotaPeersTests
{
    private const double Limit = 1000;
    private readonly TestClock _clock = new();
    private readonly NoteTable _notes = new();

    [Fact]
    public async Task A_node_grows_only_by_what_others_have_given_back()
    {
        var (a, b) = (Node("a", ("x", 900)), Node("b", ("x", 900)));
        Assert.Equal((double[])[900.0], await BeatAsync(a));
        Assert.Equal((double[])[100.0], await BeatAsync(b));
        Assert.Equal((double[])[500.0], await BeatAsync(a));
        Assert.Equal((double[])[500.0], await BeatAsync(b));
        Assert.Equal((true, 2, 2L), (a.Peers.Snapshot().IsLeased, a.Peers.Snapshot().Nodes, a.Peers.Snapshot().Beats));
    }

    [Fact]
    public async Task A_caller_gets_no_more_for_coming_by_many_nodes()
    {
        Peer[] nodes = [Node("a", ("greedy", 2000), ("small", 300)), Node("b", ("greedy", 2000)), Node("c", ("greedy", 2000), ("big", 2000))];
        for (var i = 0; i < 4; i++) foreach (var node in nodes) await BeatAsync(node);
        Assert.Equal((double[])[116.666666667, 300], Rates(nodes[0]));
        Assert.Equal((double[])[116.666666667, 350], Rates(nodes[2]));
    }

    [Fact]
    public async Task Weights_and_limits_of_callers_count()
    {
        var node = Node("a", ("x", 2000), ("y", 2000), ("z", 2000));
        node.Peers.Callers = [node.Peers.Callers[0] with { Weight = 3 }, node.Peers.Callers[1], node.Peers.Callers[2] with { Limit = 100 }];
        Assert.Equal((double[])[675.0, 225, 100], await BeatAsync(node));
        var other = Node("b", ("z", 2000));
        other.Peers.Callers = [other.Peers.Callers[0] with { Limit = 100 }];
        for (var i = 0; i < 3; i++) _ = (await BeatAsync(other), await BeatAsync(node));
        Assert.Equal((50.0, 50.0), (Rates(node)[2], Rates(other)[0]));
    }

    [Fact]
    public async Task What_nobody_needs_is_handed_out_on_top_but_for_the_reserve()
    {
        var (a, b) = (Node("a", ("x", 100)), Node("b", ("x", 200)));
        for (var i = 0; i < 3; i++) _ = (await BeatAsync(a), await BeatAsync(b));
        Assert.Equal((100 + 300.0, 200 + 300.0), (Rates(a)[0], Rates(b)[0]));
    }

    [Fact]
    public async Task The_lowest_limit_that_anybody_has_holds()
    {
        var (a, b) = (Node("a", ("x", 2000)), Node("b", ("x", 2000)));
        for (var i = 0; i < 3; i++) _ = (await BeatAsync(a), await BeatAsync(b));
        b.Peers.Options = b.Peers.Options with { Limit = 100 };
        for (var i = 0; i < 3; i++) _ = (await BeatAsync(b), await BeatAsync(a));
        Assert.Equal((50.0, 50.0), (Rates(a)[0], Rates(b)[0]));
    }

    [Fact]
    public async Task The_share_of_a_silent_node_is_free_after_its_time_and_its_note_is_thrown_away_later()
    {
        var (a, b) = (Node("a", ("x", 900)), Node("b", ("x", 900)));
        _ = (await BeatAsync(a), await BeatAsync(b));
        _clock.Advance(TimeSpan.FromMilliseconds(2999));
        Assert.InRange((await BeatAsync(b))[0], 0, 100);
        _clock.Advance(TimeSpan.FromMilliseconds(2));
        Assert.False(a.Peers.Snapshot().IsLeased);
        Assert.True((await BeatAsync(b))[0] > 100);
        Assert.Equal(1, b.Peers.Snapshot().Nodes);
        for (var i = 0; i < 300; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(500));
            await BeatAsync(b);
        }
        Assert.Equal(["b"], _notes.Notes.Keys);
    }

    [Fact]
    public async Task Notes_that_are_lost_make_nobody_take_what_another_one_holds()
    {
        var (a, b) = (Node("a", ("x", 900)), Node("b", ("x", 900)));
        _ = (await BeatAsync(a), await BeatAsync(b), await BeatAsync(a), await BeatAsync(b));
        _notes.Clear();
        _clock.Advance(TimeSpan.FromMilliseconds(40));
        Assert.Equal((double[])[500.0], await BeatAsync(a));
        Assert.Equal((500.0, 2), (Rates(b)[0], a.Peers.Snapshot().Nodes));
    }

    [Fact]
    public async Task Without_notes_each_goes_by_its_local_share_and_who_is_back_first_waits_for_the_others()
    {
        Peer[] nodes = [Node("a", ("x", 1500), ("y", 50)), Node("b", ("x", 20)), Node("c", ("x", 20))];
        for (var i = 0; i < 3; i++) foreach (var node in nodes) await BeatAsync(node);
        Assert.True(Rates(nodes[0])[0] > 800);
        _notes.IsUp = false;
        _clock.Advance(TimeSpan.FromSeconds(3.1));
        foreach (var node in nodes) await BeatAsync(node);
        // A third of the limit, shared among those who come here.
        Assert.Equal(Limit / 3, Rates(nodes[0]).Sum(), 1e-6);
        Assert.False(nodes[0].Peers.Snapshot().IsLeased);
        _notes.Clear();
        _notes.IsUp = true;
        Assert.Equal(Limit / 3, (await BeatAsync(nodes[0])).Sum(), 1e-6);
        Assert.True(nodes[0].Peers.Snapshot() is { IsLeased: true, IsReturning: true, Nodes: 3 });
        _ = (await BeatAsync(nodes[1]), await BeatAsync(nodes[2]), await BeatAsync(nodes[1]));
        Assert.True((await BeatAsync(nodes[0]))[0] > Limit / 3);
        Assert.False(nodes[0].Peers.Snapshot().IsReturning);
    }

    [Fact]
    public async Task Who_does_not_come_back_is_waited_for_as_long_as_a_lease()
    {
        var (a, b) = (Node("a", ("x", 1500)), Node("b", ("x", 1500)));
        _ = (await BeatAsync(a), await BeatAsync(b), await BeatAsync(a), await BeatAsync(b));
        _clock.Advance(TimeSpan.FromSeconds(3.1));
        Assert.Equal(500, (await BeatAsync(a))[0], 1e-6);
        _clock.Advance(TimeSpan.FromSeconds(2.9));
        Assert.True((await BeatAsync(a))[0] <= 500);
        _clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.True((await BeatAsync(a))[0] > 500);
        Assert.Equal(1, a.Peers.Snapshot().Nodes);
    }

    /// <summary>Notes and their answers come late, get lost, are wiped out; nodes stand still for longer than a lease. Nobody ever passes more than the limit.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void However_the_notes_cross_all_leases_together_stay_within_the_limit(int seed)
    {
        var random = new Random(seed);
        var network = new Network(random, _clock);
        Peer[] nodes = [.. Enumerable.Range(0, 4).Select(i => Node($"{i}", ("x", 0), ("y", 0)))];
        // Of a node that begins just when the notes are lost, nobody can know.
        while (nodes.Any(node => node.Peers.Snapshot().Nodes < nodes.Length)) network.Step(nodes);
        network.IsRough = true;
        var most = 0.0;
        for (var step = 0; step < 20_000; step++)
        {
            network.Step(nodes);
            foreach (var node in nodes)
            {
                for (var i = random.Next(-40, 60); i > 0; i--) node.Buckets[random.Next(2)].TryTake();
            }
            var sum = nodes.Sum(node => node.Buckets.Where(bucket => bucket.Snapshot().IsLeased).Sum(bucket => bucket.Snapshot().Rate));
            Assert.True(sum <= Limit + 1e-6, $"{sum} at step {step}");
            most = Math.Max(most, sum);
        }
        Assert.True(most > 0.9 * Limit, $"never more than {most}");
        Assert.All(nodes, node => Assert.True(node.Peers.Snapshot().Beats > 100));
    }

    private Peer Node(string name, params (string Caller, double Demand)[] callers)
    {
        // Without a lease: nothing, except where a test is about that.
        var buckets = callers.Select(caller => new LeasedBucket(new LeasedBucketOptions { FirstDemand = caller.Demand, Fallback = caller.Demand == 0 ? QuotaFallback.DenyAll : QuotaFallback.LocalShare }, 0, 1, _clock)).ToArray();
        var peers = new QuotaPeers(name, new QuotaPeersOptions { Limit = Limit }, _clock) { Callers = [.. callers.Select((caller, i) => new QuotaCaller(caller.Caller, 1, 0, buckets[i]))] };
        return new Peer(name, peers, buckets);
    }

    private async Task<double[]> BeatAsync(Peer node)
    {
        await node.Peers.BeatAsync(_notes.ExchangeOf(node.Name));
        return Rates(node);
    }

    private static double[] Rates(Peer node) => [.. node.Buckets.Select(bucket => Math.Round(bucket.Snapshot().Rate, 9))];

    private sealed record Peer(string Name, QuotaPeers Peers, LeasedBucket[] Buckets);

    /// <summary>Writes what it is told at once, and answers when chance wants it: with what was there at once, with what is there then, or not at all.</summary>
    private sealed class Network(Random random, TestClock clock)
    {
        private readonly Dictionary<string, QuotaNote> _notes = [];
        private readonly List<(string Node, QuotaNote Note, Dictionary<string, QuotaNote>? Read, TaskCompletionSource<IReadOnlyDictionary<string, QuotaNote>?> Answer)> _asked = [];
        private readonly Dictionary<string, Task> _beats = [];

        public bool IsRough { get; set; }

        private void Begin(Peer node) => _beats[node.Name] = node.Peers.BeatAsync((note, gone) =>
        {
            foreach (var name in gone) _notes.Remove(name);
            if (IsRough && random.Next(20) == 0) return ValueTask.FromResult<IReadOnlyDictionary<string, QuotaNote>?>(null);
            _notes[node.Name] = note;
            var answer = new TaskCompletionSource<IReadOnlyDictionary<string, QuotaNote>?>();
            _asked.Add((node.Name, note, random.Next(2) == 0 ? new Dictionary<string, QuotaNote>(_notes) : null, answer));
            return new ValueTask<IReadOnlyDictionary<string, QuotaNote>?>(answer.Task);
        }).AsTask();

        public void Step(Peer[] nodes)
        {
            clock.Advance(TimeSpan.FromMilliseconds(IsRough && random.Next(300) == 0 ? random.Next(4000) : random.Next(60)));
            if (IsRough && random.Next(500) == 0) _notes.Clear();
            if (_asked.Count > 0 && random.Next(4) > 0)
            {
                var i = random.Next(_asked.Count);
                var asked = _asked[i];
                _asked.RemoveAt(i);
                var read = asked.Read ?? new Dictionary<string, QuotaNote>(_notes);
                // As the board does: what does not show one's own note is no answer.
                asked.Answer.SetResult((IsRough && random.Next(20) == 0) || read.GetValueOrDefault(asked.Node) != asked.Note ? null : read);
            }
            foreach (var node in nodes)
            {
                if (_beats.GetValueOrDefault(node.Name) is not { IsCompleted: false } && random.Next(6) == 0) Begin(node);
            }
        }
    }
}
