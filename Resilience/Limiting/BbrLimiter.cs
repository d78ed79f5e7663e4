using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Load;

namespace FeedMall.Resilience.Limiting;

/// <summary>What a <see cref="BbrLimiter"/> sees and decides by.</summary>
/// <param name="Load">Of the signal, 0 to 1000.</param>
/// <param name="InFlight">Admitted and not completed.</param>
/// <param name="MaxInFlight">The limit while the load is high; null: too little was seen to have one.</param>
/// <param name="MaxPass">Completions in the best bucket of the window.</param>
/// <param name="MinTime">Execution time in the quickest bucket of the window, at most BaselineFactor times that of the last ten windows.</param>
/// <param name="Ceiling">The hard limit.</param>
/// <param name="InEpisode">It has dropped because of the load, and the cool-down is not over.</param>
public readonly record struct BbrSnapshot(double Load, int InFlight, int? MaxInFlight, long MaxPass, TimeSpan MinTime, int Ceiling, bool InEpisode);

/// <summary>
/// Protects a server from more work than it can do: while the load is high, it admits no more work than the server has shown to finish without waiting, that is the
/// highest throughput × the shortest execution time of the last seconds (Little's law). A hard ceiling holds always. (ALGORITHMS §3.)
/// </summary>
/// <remarks>
/// The limit is maxPass · minTime in ms · buckets per second / 1000, rounded, at least 1; work is refused when more than that is in flight, and never the first two.
/// A permit is to be held exactly as long as the work runs, without the time it waited. Only successes are measured: what fails, fails at its own pace.
/// </remarks>
public sealed class BbrLimiter : ConcurrencyGate
{
    private const long None = long.MinValue;
    private const int NoLimit = int.MaxValue;

    private readonly ILoadSignal _load;
    // Guards the recalculation of the limit and the change of options. _limitEndsAt is written last: who sees it sees that limit or a newer one.
    private readonly Lock _calculating = new();
    private BbrLimiterOptions _options;
    private PassWindow _window;
    // Timestamp from which on the limit is to be calculated anew.
    private long _limitEndsAt = None;
    private PassStatistics _statistics;
    private double _minMilliseconds;
    private int _limit = NoLimit;
    // Timestamp of the first drop of the episode.
    private long _episodeAt = None;

    /// <summary>Checks the options.</summary>
    public BbrLimiter(BbrLimiterOptions options, ILoadSignal load, TimeProvider clock) : base(clock)
    {
        options.Check();
        _options = options;
        _load = load;
        _window = new PassWindow(options.Buckets, options.Window, clock);
    }

    /// <summary>
    /// May be set at any time; what is in flight, the episode and what was counted stay.
    /// </summary>
    public BbrLimiterOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            lock (_calculating)
            {
                if (value.Buckets != _options.Buckets || value.Window != _options.Window)
                    Volatile.Write(ref _window, _window.Reshape(value.Buckets, value.Window));
                Volatile.Write(ref _options, value);
                Volatile.Write(ref _limitEndsAt, None);
            }
        }
    }

    /// <summary>For governor, console and tests.</summary>
    public BbrSnapshot Snapshot()
    {
        var now = Clock.GetTimestamp();
        var options = Options;
        var limit = LimitAt(now);
        lock (_calculating)
        {
            return new BbrSnapshot(_load.Permille, InFlight, limit == NoLimit ? null : limit, _statistics.MaxPass, TimeSpan.FromMilliseconds(_minMilliseconds),
                options.Ceiling, IsCoolingDown(options, now));
        }
    }

    internal override TimeSpan LeastTime(long now)
    {
        LimitAt(now);
        return TimeSpan.FromMilliseconds(Volatile.Read(ref _minMilliseconds));
    }

    /// <summary>Little's law: the limit, rounded, at least 1.</summary>
    internal static int Limit(long maxPass, double minMilliseconds, double bucketsPerSecond) =>
        (int)Math.Clamp(Math.Floor(maxPass * minMilliseconds * bucketsPerSecond / 1000 + 0.5), 1, NoLimit - 1);

    private protected override Reason Judge(int inFlight, long now)
    {
        var options = Volatile.Read(ref _options);
        if (inFlight >= options.Ceiling) return Reason.Overloaded;
        var hot = _load.Permille >= options.LoadThreshold;
        if (!hot && (Volatile.Read(ref _episodeAt) == None || !IsCoolingDown(options, now))) return Reason.None;
        if (inFlight <= 1 || inFlight <= LimitAt(now)) return Reason.None;
        if (hot) Interlocked.CompareExchange(ref _episodeAt, now, None);
        return Reason.Overloaded;
    }

    private protected override void OnEnded(long admittedAt, long now, Outcome outcome)
    {
        if (outcome == Outcome.Success) Volatile.Read(ref _window).Add(admittedAt, now);
    }

    // Ends the episode when its time is over.
    private bool IsCoolingDown(BbrLimiterOptions options, long now)
    {
        var startedAt = Volatile.Read(ref _episodeAt);
        if (startedAt == None) return false;
        if (Clock.GetElapsedTime(startedAt, now) <= options.CoolDown) return true;
        if (_load.Permille >= options.LoadThreshold) return true;
        Interlocked.CompareExchange(ref _episodeAt, None, startedAt);
        return false;
    }

    // Calculated once for each slot.
    private int LimitAt(long now)
    {
        if (now >= Volatile.Read(ref _limitEndsAt)) Calculate(now);
        return Volatile.Read(ref _limit);
    }

    private void Calculate(long now)
    {
        lock (_calculating)
        {
            if (now < _limitEndsAt) return;
            _statistics = _window.Reduce(now);
            var minMilliseconds = Math.Min(_statistics.MinMilliseconds, Math.Max(1, _options.BaselineFactor * _statistics.BaselineMilliseconds));
            Volatile.Write(ref _minMilliseconds, _statistics.Buckets == 0 ? 0 : minMilliseconds);
            Volatile.Write(ref _limit, _statistics.Buckets < _options.MinBuckets ? NoLimit : Limit(_statistics.MaxPass, minMilliseconds, _window.BucketsPerSecond));
            Volatile.Write(ref _limitEndsAt, _window.EndOf(now));
        }
    }
}
