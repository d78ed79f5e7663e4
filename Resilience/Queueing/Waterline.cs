namespace FeedMall.Resilience.Queueing;

/// <summary>
/// Up to which tier, and within it up to which cohort of users, requests are let through to a queue. While that queue has to refuse, the line sinks after each interval
/// until little more is let through than is admitted; otherwise it rises. So most of an overload is refused at once and always to the same users, and the little more
/// keeps the server busy and lets the line rise when it can do more.
/// </summary>
/// <remarks>
/// The line is found by what was offered at each level in the last interval. It sinks by no more than half of that, and rises by a quarter of what lies below, because
/// users who are refused try again, and count several times until they are let through; the queue is there for the difference. It rises at
/// once to what has lately been admitted, so that an end of the overload is noticed.
/// </remarks>
internal sealed class Waterline
{
    private const int Levels = 4 * UserCohort.Count;

    private readonly long[] _offered = new long[Levels];
    private int _line = Levels - 1;
    // What was admitted in the best interval, forgotten slowly.
    private double _best;

    /// <summary>The last level that is let through.</summary>
    public int Line => Volatile.Read(ref _line);

    public bool IsDrawn => Line < Levels - 1;

    public static int LevelOf(Criticality criticality, int cohort) => (int)criticality * UserCohort.Count + cohort;

    /// <summary>Counts a request and decides.</summary>
    public bool Admits(int level)
    {
        Interlocked.Increment(ref _offered[level]);
        return level <= Volatile.Read(ref _line);
    }

    /// <summary>Ends an interval. One thread at a time.</summary>
    /// <param name="admitted">Requests that the queue let in during it.</param>
    /// <param name="refused">Requests that it had to refuse.</param>
    public void Draw(long admitted, long refused, double margin)
    {
        _best = Math.Max(admitted, 0.95 * _best);
        Span<long> offered = stackalloc long[Levels];
        long total = 0, through = 0;
        for (var level = 0; level < Levels; level++)
        {
            offered[level] = Interlocked.Exchange(ref _offered[level], 0);
            total += offered[level];
            if (level <= _line) through += offered[level];
        }
        var wanted = refused > 0 ? Math.Max(margin * admitted, through / 2.0) : Math.Max(_best, through + (total - through) / 4.0);
        Volatile.Write(ref _line, wanted >= total ? Levels - 1 : LineFor(wanted, offered));
    }

    // The last level before which less than what is wanted was offered.
    private static int LineFor(double wanted, ReadOnlySpan<long> offered)
    {
        var line = 0;
        for (long sum = offered[0]; line < Levels - 1 && sum < wanted; sum += offered[line]) line++;
        return line;
    }
}
