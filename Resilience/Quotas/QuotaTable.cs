namespace FeedMall.Resilience.Quotas;

/// <summary>
/// What all nodes want and have of a quota, seen by one of them: who of them should have how much, and what of that is free. First the callers share the limit, by
/// <see cref="MaxMinShare"/> of what they want on all nodes; then the nodes of a caller share what he has, in the same way. So a caller gets no more for coming by many nodes.
/// </summary>
internal sealed class QuotaTable
{
    private sealed class Row(QuotaLine first)
    {
        public double Weight { get; } = first.Weight;
        public double Limit { get; private set; } = double.PositiveInfinity;
        public List<double> Demands { get; } = [];
        public double ClaimedByOthers { get; set; }

        public void Add(QuotaLine line)
        {
            if (line.Limit > 0) Limit = Math.Min(Limit, line.Limit);
            Demands.Add(line.Demand);
        }
    }

    // The node's own callers first, in its order; in each row its own demand first.
    private readonly List<Row> _rows = [];
    private readonly int _own;
    private readonly int _lines;
    private readonly double _limit;
    private readonly double _claimedByOthers;

    /// <param name="own">What the node itself wants.</param>
    /// <param name="others">Of the nodes that live. Where settings differ, the lowest limit holds: while they are being changed, nobody takes what another one does not know of.</param>
    public QuotaTable(double limit, IReadOnlyList<QuotaLine> own, IReadOnlyCollection<QuotaNote> others)
    {
        (_limit, _own) = (others.Aggregate(limit, (least, note) => Math.Min(least, note.Limit)), own.Count);
        var byCaller = new Dictionary<string, Row>(StringComparer.Ordinal);
        foreach (var line in own) RowOf(line).Add(line);
        foreach (var line in others.SelectMany(note => note.Lines))
        {
            var row = RowOf(line);
            row.Add(line);
            row.ClaimedByOthers += line.Claim;
            _claimedByOthers += line.Claim;
        }
        _lines = _rows.Sum(row => row.Demands.Count);

        Row RowOf(QuotaLine line)
        {
            if (byCaller.TryGetValue(line.Caller, out var row)) return row;
            _rows.Add(byCaller[line.Caller] = row = new Row(line));
            return row;
        }
    }

    /// <summary>The rates that the node's callers should have here. What nobody wants is handed out on top, first to the callers equally, then to the nodes of each.</summary>
    /// <param name="reserve">Share of the limit that is not handed out on top.</param>
    public double[] FairRates(double reserve)
    {
        var wanted = _rows.ConvertAll(row => Math.Min(row.Limit, row.Demands.Sum())).ToArray();
        var shares = new double[_rows.Count];
        MaxMinShare.Fill(_limit, wanted, _rows.ConvertAll(row => row.Weight).ToArray(), shares);
        var spare = Math.Max(0, _limit * (1 - reserve) - wanted.Sum()) / Math.Max(1, _rows.Count);
        var rates = new double[_own];
        for (var i = 0; i < _own; i++)
        {
            var (share, demands) = (Math.Min(_rows[i].Limit, shares[i] + spare), _rows[i].Demands.ToArray());
            var parts = new double[demands.Length];
            MaxMinShare.Fill(share, demands, [], parts);
            rates[i] = parts[0] + Math.Max(0, share - parts.Sum()) / parts.Length;
        }
        return rates;
    }

    /// <summary>Of what the node wants, what it can have: all that it has already, and as much more as nobody has.</summary>
    public double[] Fit(double[] wanted, double[] held)
    {
        var (kept, growth) = (new double[_own], new double[_own]);
        for (var i = 0; i < _own; i++)
        {
            kept[i] = Math.Min(wanted[i], held[i]);
            growth[i] = Math.Min(wanted[i] - kept[i], Math.Max(0, _rows[i].Limit - _rows[i].ClaimedByOthers - kept[i]));
        }
        var free = Math.Max(0, _limit - _claimedByOthers - kept.Sum());
        var part = growth.Sum() is > 0 and var all ? Math.Min(1, free / all) : 0;
        return [.. kept.Select((rate, i) => rate + growth[i] * part)];
    }

    /// <summary>
    /// What may be spent at once at a rate: half by the rate, half the same for all, so that who comes seldom may come with a few at once. All together no more than the
    /// limit brings in this time.
    /// </summary>
    public double BurstOf(int caller, double rate, TimeSpan time) =>
        time.TotalSeconds * (rate + Math.Min(_limit / _lines, _rows[caller].Limit / _rows[caller].Demands.Count)) / 2;
}
