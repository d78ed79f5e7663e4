namespace FeedMall.Resilience.Quotas;

/// <summary>Settings of <see cref="QuotaPeers"/>.</summary>
public sealed record QuotaPeersOptions
{
    /// <summary>Of all callers on all nodes together, per second. More than 0, to 1 000 000 000; default 1000.</summary>
    public double Limit { get; init; } = 1000;

    /// <summary>How long a lease holds, and a silent node keeps its share. 100 ms to 1 min; default 3 s: six beats of half a second.</summary>
    public TimeSpan Ttl { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>What may be spent at once, as time at the limit. 0 to 10 s; default 100 ms.</summary>
    public TimeSpan BurstTime { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Share of the limit that is not handed out on top of the demand, so that who grows finds something at once. 0 to 1; default 0.1.</summary>
    public double Reserve { get; init; } = 0.1;

    /// <summary>Nodes that are assumed to share the limit until others were heard of. 1 to 10 000; default 1.</summary>
    public int AssumedNodes { get; init; } = 1;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> with the name of the first value that is out of its range.</summary>
    public void Check()
    {
        if (Limit is not (> 0 and <= 1e9)) throw new ArgumentOutOfRangeException(nameof(Limit), Limit, "must be more than 0, to 1000000000");
        ArgumentOutOfRangeException.ThrowIfLessThan(Ttl, TimeSpan.FromMilliseconds(100));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Ttl, TimeSpan.FromMinutes(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(BurstTime, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(BurstTime, TimeSpan.FromSeconds(10));
        if (Reserve is not (>= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(Reserve), Reserve, "must be 0 to 1");
        ArgumentOutOfRangeException.ThrowIfLessThan(AssumedNodes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(AssumedNodes, 10_000);
    }
}

/// <summary>Who shares the quota: an application, a tenant, a kind of user.</summary>
/// <param name="Name">The same on all nodes.</param>
/// <param name="Weight">Of his share. 0.001 to 1000.</param>
/// <param name="Limit">Of his own, on all nodes together, per second; 0: none.</param>
/// <param name="Bucket">Decides about his requests on this node.</param>
public sealed record QuotaCaller(string Name, double Weight, double Limit, LeasedBucket Bucket);

/// <summary>How a quota stands, as one node sees it.</summary>
/// <param name="IsLeased">False: the other nodes cannot be heard of, and the fallback decides.</param>
/// <param name="IsReturning">True: not all others are back that were there before, so it takes no more than it has.</param>
/// <param name="Nodes">That share it, as far as this one knows.</param>
/// <param name="Beats">That went well.</param>
/// <param name="FailedBeats">That did not, because notes could not be exchanged.</param>
public readonly record struct QuotaPeersSnapshot(bool IsLeased, bool IsReturning, int Nodes, long Beats, long FailedBeats);

/// <summary>
/// A quota that nodes share out among themselves: each tells the others what it wants and what it has, and each works out alone what it should have. There is no one who
/// allocates, so no one to lose; all that is needed is a place for notes that shows every reader all that was written before. (ALGORITHMS §6.3 to §6.6.)
/// </summary>
/// <remarks>
/// <para>Why all together never pass more than the limit: a node lowers its rate before it tells so, and it raises its rate only after it has told so, has then read what the
/// others claim, and found that all fits. Of two that want the same at the same time, at least the one that reads last sees the other, and what does not fit it does not take
/// (both may see each other; then both try again with the next beat). Bursts come on top, together limit × <see cref="QuotaPeersOptions.BurstTime"/> at most, and one token
/// for each whose burst is below 1.</para>
/// <para>Clocks are never compared. A lease begins, by the node's own clock, before its note is written; it is over for another node when that one has seen no new note for as
/// long, by its own. So it ends here before it ends there. What a node has read it remembers for as long, also when the notes are lost; while
/// one of those that it remembers has not written again, it takes nothing more.</para>
/// <para>Without notes: the lease until it ends, then the <see cref="QuotaFallback"/>; the local share is the limit divided by the nodes that were last known, shared in the
/// same way by the callers here. Who comes back begins with his local share, and takes more when all have come back that were there before, or a lease's time later.</para>
/// <para>One thread at a time may call <see cref="BeatAsync"/>; everything else is thread safe.</para>
/// </remarks>
public sealed class QuotaPeers
{
    // Tells without anything new from a node, until its note is thrown away. Tells and not time: while there is nobody to hear, nobody is silent.
    private const int SilentTells = 200;
    // Less than this share of the limit is not worth telling twice in one beat.
    private const double Little = 0.001;
    private const double MinDemand = 1;

    private sealed class Peer
    {
        public required QuotaNote Note;
        public long ChangedAt;
        public int Silent;
        public bool IsMissing;
    }

    private readonly string _node;
    private readonly TimeProvider _clock;
    private readonly Dictionary<string, Peer> _peers = new(StringComparer.Ordinal);
    private Dictionary<string, double> _held = new(StringComparer.Ordinal);
    private QuotaPeersOptions _options;
    private IReadOnlyList<QuotaCaller> _callers = [];
    private long _told;
    private volatile bool _hasLeased;
    private long _leaseEndsAt;
    // Nodes that were there before the notes were lost; 0: all are back. And when they are waited for no longer; 0: nothing was heard yet.
    private int _awaited;
    private long _awaitedUntil;
    private volatile bool _mayGrow;
    private long _readAt;
    private int _nodes;
    private long _beats;
    private long _failedBeats;

    /// <summary>Knows nobody yet. Checks the options.</summary>
    /// <param name="node">Its name, unique among all that ever share the quota: another one after each start.</param>
    public QuotaPeers(string node, QuotaPeersOptions options, TimeProvider clock)
    {
        options.Check();
        (_node, _options, _clock, _nodes, _leaseEndsAt) = (node, options, clock, options.AssumedNodes, clock.GetTimestamp());
    }

    /// <summary>Setting them keeps what is held; they hold from the next beat on. The lowest limit that any node has is the limit.</summary>
    public QuotaPeersOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            Volatile.Write(ref _options, value);
        }
    }

    /// <summary>Who shares it here; holds from the next beat on.</summary>
    public IReadOnlyList<QuotaCaller> Callers
    {
        get => Volatile.Read(ref _callers);
        set => Volatile.Write(ref _callers, value);
    }

    /// <summary>For governor, console and tests.</summary>
    public QuotaPeersSnapshot Snapshot() =>
        new(_clock.GetTimestamp() < Interlocked.Read(ref _leaseEndsAt), _hasLeased && !_mayGrow, Volatile.Read(ref _nodes), Interlocked.Read(ref _beats), Interlocked.Read(ref _failedBeats));

    /// <summary>Tells, reads and renews every caller's lease: to be called several times within a lease's time, at irregular distances.</summary>
    /// <returns>Whether the leases were renewed.</returns>
    public async ValueTask<bool> BeatAsync(QuotaExchange exchange)
    {
        var (options, callers, now) = (Options, Callers, _clock.GetTimestamp());
        var demands = callers.Select(caller => Math.Max(MinDemand, caller.Bucket.Beat(now))).ToArray();
        var local = SetLocalShares(options, callers, demands);
        var held = HeldAt(now, callers, demands, local);
        if (await TellAsync(exchange, options, Lines(callers, demands, held)) is not { } table) return Fail();

        var fair = table.FairRates(options.Reserve);
        var claims = table.Fit(_mayGrow ? fair : Lower(fair, held), held);
        // What is less than before holds before anybody is told so.
        var kept = Lower(claims, held);
        Hold(callers, kept, table, options, now);
        if (!claims.Zip(held).Any(pair => Math.Abs(pair.First - pair.Second) > Little * options.Limit)) return Succeed();
        now = _clock.GetTimestamp();
        if (await TellAsync(exchange, options, Lines(callers, demands, claims)) is not { } after) return Fail();
        Hold(callers, _mayGrow ? after.Fit(claims, kept) : kept, after, options, now);
        return Succeed();
    }

    private static double[] Lower(double[] one, double[] other) => [.. one.Zip(other, Math.Min)];

    private static QuotaLine[] Lines(IReadOnlyList<QuotaCaller> callers, double[] demands, double[] claims) =>
        [.. callers.Select((caller, i) => new QuotaLine(caller.Name, caller.Weight, caller.Limit, demands[i], claims[i]))];

    private double[] SetLocalShares(QuotaPeersOptions options, IReadOnlyList<QuotaCaller> callers, double[] demands)
    {
        var part = 1.0 / _nodes;
        var table = new QuotaTable(options.Limit * part, [.. callers.Select((caller, i) => new QuotaLine(caller.Name, caller.Weight, caller.Limit * part, demands[i], 0))], []);
        var rates = table.FairRates(reserve: 0);
        for (var i = 0; i < rates.Length; i++) callers[i].Bucket.SetLocalShare(rates[i], table.BurstOf(i, rates[i], options.BurstTime));
        return rates;
    }

    // What passes here at most, by the leases or, without them, by the fallback. A node that never had any begins with nothing.
    private double[] HeldAt(long now, IReadOnlyList<QuotaCaller> callers, double[] demands, double[] local)
    {
        if (!_hasLeased || now < _leaseEndsAt) return [.. callers.Select(caller => _held.GetValueOrDefault(caller.Name))];
        if (_awaited == 0) (_awaited, _awaitedUntil) = (_nodes, 0);
        return [.. callers.Select((caller, i) => caller.Bucket.Options.Fallback switch
        {
            QuotaFallback.LocalShare => local[i],
            QuotaFallback.AllowAll => demands[i],
            _ => 0,
        })];
    }

    private async ValueTask<QuotaTable?> TellAsync(QuotaExchange exchange, QuotaPeersOptions options, QuotaLine[] lines)
    {
        var note = new QuotaNote(++_told, options.Limit, options.Ttl, lines);
        // What is read was there at this time at least; how long the answer takes says nothing about anybody.
        var askedAt = _clock.GetTimestamp();
        if (await exchange(note, [.. _peers.Where(peer => peer.Value.Silent > SilentTells).Select(peer => peer.Key)]) is not { } notes) return null;
        var now = _clock.GetTimestamp();
        Learn(notes, askedAt, now);
        var living = _peers.Values.Where(peer => IsAlive(peer, askedAt)).ToList();
        // Who was there a moment ago and whose note is not: the notes were lost, and with them perhaps what he claimed since.
        var missing = living.Count(peer => peer.IsMissing);
        _mayGrow = !IsReturning(living.Count - missing + 1, options.Ttl, now) && missing == 0;
        _readAt = askedAt;
        Volatile.Write(ref _nodes, Math.Max(living.Count + 1, _awaited));
        return new QuotaTable(options.Limit, lines, living.ConvertAll(peer => peer.Note));
    }

    private void Learn(IReadOnlyDictionary<string, QuotaNote> notes, long askedAt, long now)
    {
        foreach (var (node, note) in notes)
        {
            if (node == _node) continue;
            if (!_peers.TryGetValue(node, out var peer)) _peers.Add(node, new Peer { Note = note, ChangedAt = now });
            else if (peer.Note.Number == note.Number) peer.Silent++;
            else (peer.Note, peer.ChangedAt, peer.Silent, peer.IsMissing) = (note, now, 0, false);
        }
        foreach (var (node, peer) in _peers)
        {
            if (notes.ContainsKey(node)) continue;
            // It may have written until just now, so its time begins anew, once.
            if (!peer.IsMissing && IsAlive(peer, _readAt)) peer.ChangedAt = now;
            peer.IsMissing = true;
            // Removing is allowed while a dictionary is enumerated.
            if (!IsAlive(peer, askedAt)) _peers.Remove(node);
        }
    }

    private bool IsAlive(Peer peer, long at) => at < peer.ChangedAt || _clock.GetElapsedTime(peer.ChangedAt, at) < peer.Note.Ttl;

    private bool IsReturning(int present, TimeSpan ttl, long now)
    {
        if (_awaited == 0) return false;
        if (_awaitedUntil == 0) _awaitedUntil = now + Ticks(ttl);
        if (present < _awaited && now < _awaitedUntil) return true;
        _awaited = 0;
        return false;
    }

    private void Hold(IReadOnlyList<QuotaCaller> callers, double[] rates, QuotaTable table, QuotaPeersOptions options, long askedAt)
    {
        var endsAt = askedAt + Ticks(options.Ttl);
        var held = new Dictionary<string, double>(StringComparer.Ordinal);
        for (var i = 0; i < rates.Length; i++)
        {
            callers[i].Bucket.Hold(rates[i], table.BurstOf(i, rates[i], options.BurstTime), endsAt);
            held[callers[i].Name] = rates[i];
        }
        (_held, _hasLeased) = (held, true);
        Interlocked.Exchange(ref _leaseEndsAt, endsAt);
    }

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _clock.TimestampFrequency);

    private bool Succeed()
    {
        Interlocked.Increment(ref _beats);
        return true;
    }

    private bool Fail()
    {
        Interlocked.Increment(ref _failedBeats);
        return false;
    }
}
