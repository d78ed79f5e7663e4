using FeedMall.Resilience.Quotas;

namespace FeedMall.Testing.Quotas;

/// <summary>Runs the real allocators and clients in virtual time, a millisecond at a time; requests come at random distances.</summary>
public static class QuotaSimulation
{
    /// <summary>The same seed gives the same run.</summary>
    public static QuotaResult Run(QuotaScenario scenario, int seed = 1)
    {
        var clock = new TestClock();
        var random = new Random(seed);
        var count = scenario.OfferedAt(0).Length;
        using Nodes nodes = scenario.Sharing switch
        {
            Sharing.Leases => Leases(scenario, clock, count, seed),
            Sharing.Peers => new PeerNodes(scenario, clock, count, seed),
            _ => Batches(scenario, clock, count),
        };
        var seconds = new List<QuotaSecond>();
        for (var second = 0; second < scenario.Seconds; second++)
        {
            nodes.IsUp = scenario.IsUpAt(second);
            var rates = scenario.OfferedAt(second);
            var (offered, admitted) = (new int[count], new int[count]);
            for (var millisecond = 0; millisecond < 1000; millisecond++)
            {
                clock.Advance(TimeSpan.FromMilliseconds(1));
                // Who comes first within the millisecond changes from one to the next.
                for (var turn = 0; turn < count; turn++)
                {
                    var node = (turn + millisecond) % count;
                    for (var requests = Poisson(rates[node] / 1000, random); requests > 0; requests--)
                    {
                        offered[node]++;
                        if (nodes.TryTake(node)) admitted[node]++;
                    }
                }
            }
            seconds.Add(new QuotaSecond(second, offered, admitted));
        }
        return new QuotaResult(seconds);
    }

    private static int Poisson(double mean, Random random)
    {
        var (count, product, least) = (0, random.NextDouble(), Math.Exp(-mean));
        while (product > least)
        {
            count++;
            product *= random.NextDouble();
        }
        return count;
    }

    private static LeasedNodes Leases(QuotaScenario scenario, TestClock clock, int count, int seed)
    {
        var source = new BreakableSource(new QuotaAllocator(new QuotaAllocatorOptions { Limit = scenario.Limit }, clock));
        var options = new QuotaClientOptions { Fallback = scenario.Fallback };
        return new LeasedNodes(source, [.. Enumerable.Range(0, count).Select(i => new QuotaClient($"node {i + 1}", options, source, clock, new TestChance { Seed = seed + i }))]);
    }

    private static BatchNodes Batches(QuotaScenario scenario, TestClock clock, int count) =>
        new(new BatchAllocator((long)scenario.Limit, TimeSpan.FromSeconds(1), clock), scenario.Batch, count, clock);

    private abstract class Nodes : IDisposable
    {
        public abstract bool IsUp { set; }

        public abstract bool TryTake(int node);

        public abstract void Dispose();
    }

    private sealed class LeasedNodes(BreakableSource source, QuotaClient[] clients) : Nodes
    {
        public override bool IsUp
        {
            set => source.IsUp = value;
        }

        public override bool TryTake(int node) => clients[node].TryTake().IsAdmitted;

        public override void Dispose() => Array.ForEach(clients, client => client.Dispose());
    }

    // One caller on all nodes, which beat every half second, give or take a tenth.
    private sealed class PeerNodes : Nodes
    {
        private static readonly TimeSpan s_beat = TimeSpan.FromMilliseconds(500);
        private readonly NoteTable _notes = new();
        private readonly List<ITimer> _timers = [];
        private readonly LeasedBucket[] _buckets;

        public PeerNodes(QuotaScenario scenario, TestClock clock, int count, int seed)
        {
            _buckets = [.. Enumerable.Range(0, count).Select(_ => new LeasedBucket(new LeasedBucketOptions { Fallback = scenario.Fallback }, scenario.Limit / count, scenario.Limit / count / 10, clock))];
            for (var i = 0; i < count; i++)
            {
                var (node, chance) = ($"node {i + 1}", new TestChance { Seed = seed + i });
                var peers = new QuotaPeers(node, new QuotaPeersOptions { Limit = scenario.Limit }, clock) { Callers = [new QuotaCaller("all", 1, 0, _buckets[i])] };
                ITimer? timer = null;
                timer = clock.CreateTimer(_ =>
                {
                    // Notes are exchanged without waiting, so the beat is over when this returns.
                    _ = peers.BeatAsync(_notes.ExchangeOf(node)).AsTask();
                    timer!.Change(s_beat * (0.9 + 0.2 * chance.NextDouble()), Timeout.InfiniteTimeSpan);
                }, null, s_beat * chance.NextDouble(), Timeout.InfiniteTimeSpan);
                _timers.Add(timer);
            }
        }

        public override bool IsUp
        {
            set => _notes.IsUp = value;
        }

        public override bool TryTake(int node) => _buckets[node].TryTake().IsAdmitted;

        public override void Dispose() => _timers.ForEach(timer => timer.Dispose());
    }

    // Who has no tokens left asks for the next batch, at most every 50 ms when there was nothing.
    private sealed class BatchNodes(BatchAllocator allocator, long batch, int count, TestClock clock) : Nodes
    {
        private readonly long[] _tokens = new long[count];
        private readonly DateTimeOffset[] _nextAsk = new DateTimeOffset[count];

        // Batches know no outage here.
        public override bool IsUp { set { } }

        public override bool TryTake(int node)
        {
            if (_tokens[node] == 0 && clock.GetUtcNow() >= _nextAsk[node])
            {
                _tokens[node] = allocator.Take(batch);
                if (_tokens[node] == 0) _nextAsk[node] = clock.GetUtcNow() + TimeSpan.FromMilliseconds(50);
            }
            if (_tokens[node] == 0) return false;
            _tokens[node]--;
            return true;
        }

        public override void Dispose() { }
    }
}

/// <summary>The place for notes, which a test breaks, empties and repairs.</summary>
public sealed class NoteTable
{
    private readonly Dictionary<string, QuotaNote> _notes = [];

    /// <summary>False: it fails at once.</summary>
    public bool IsUp { get; set; } = true;

    /// <summary>What lies there.</summary>
    public IReadOnlyDictionary<string, QuotaNote> Notes => _notes;

    /// <summary>Loses everything.</summary>
    public void Clear() => _notes.Clear();

    /// <summary>What a node calls.</summary>
    public QuotaExchange ExchangeOf(string node) => (note, gone) =>
    {
        if (!IsUp) return ValueTask.FromResult<IReadOnlyDictionary<string, QuotaNote>?>(null);
        foreach (var name in gone) _notes.Remove(name);
        _notes[node] = note;
        return ValueTask.FromResult<IReadOnlyDictionary<string, QuotaNote>?>(new Dictionary<string, QuotaNote>(_notes));
    };
}

/// <summary>A source of leases that a test breaks and repairs.</summary>
public sealed class BreakableSource(IQuotaSource inner) : IQuotaSource
{
    /// <summary>False: it fails at once.</summary>
    public bool IsUp { get; set; } = true;

    /// <summary>True: it never answers, and does not listen to its token.</summary>
    public bool Hangs { get; set; }

    /// <summary>Times it was asked.</summary>
    public int Asked { get; private set; }

    /// <inheritdoc/>
    public async ValueTask<QuotaGrant> RequestAsync(QuotaRequest request, CancellationToken cancellation)
    {
        Asked++;
        if (Hangs) await new TaskCompletionSource().Task;
        return IsUp ? await inner.RequestAsync(request, cancellation) : throw new IOException("The source is down.");
    }
}
