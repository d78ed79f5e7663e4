using FeedMall.Resilience.RateLimiting;
using FeedMall.Resilience.Retry;

namespace FeedMall.Resilience.Quotas;

/// <summary>What a node has of a quota and has done with it.</summary>
/// <param name="IsLeased">False: the fallback decides.</param>
/// <param name="Rate">Leased, per second; 0 without a lease.</param>
/// <param name="Epoch">Of the last lease.</param>
/// <param name="Nodes">That share the quota, as far as this one knows.</param>
/// <param name="Admitted">Requests that were let pass, those of the dry run included.</param>
/// <param name="Refused">Requests that were refused.</param>
/// <param name="WouldHaveRefused">Let pass only because of the dry run.</param>
/// <param name="ByFallback">Requests that the fallback decided about.</param>
/// <param name="Pulls">Times the source was asked.</param>
/// <param name="FailedPulls">Times it did not answer, or not in time.</param>
public readonly record struct QuotaSnapshot(
    bool IsLeased, double Rate, long Epoch, int Nodes, long Admitted, long Refused, long WouldHaveRefused, long ByFallback, long Pulls, long FailedPulls);

/// <summary>
/// A node's part of a quota that many nodes share. Holds a lease, a rate for a time, and decides by it alone: no call per request. It renews the lease with each
/// heartbeat, and sooner when its tokens run out or the lease is about to. (ALGORITHMS §6.4, §6.5.)
/// </summary>
/// <remarks>
/// <para>The source is asked at most every 50 ms and never twice at once. A lease is used until it ends and is never made longer here; its time counts from the moment it was
/// asked for, so that it ends here before it ends there, and tokens that are left then are gone. Without a lease, each request goes by the
/// <see cref="QuotaFallback"/>; the source is tried every 50 ms to 1 s until it answers, and then a fresh lease begins.</para>
/// <para>How far the sum of all nodes can be off while the source is gone: with LocalShare nodes × limit / known nodes, which is twice the limit when the nodes have doubled since
/// it was last heard; with AllowAll there is no limit; with DenyAll nothing passes. At the start each node can use its assumed part until its first
/// lease. <see cref="QuotaAllocator"/> says what holds while it answers.</para>
/// <para>Thread safe. A decision waits for nothing and allocates nothing. Dispose it to stop the heartbeat.</para>
/// </remarks>
public sealed class QuotaClient : IDisposable
{
    // As much at once as the leases allow by default.
    private const double LocalBurstSeconds = 0.1;
    private static readonly TimeSpan s_pullGap = TimeSpan.FromMilliseconds(50);

    // RenewAt is a timestamp.
    private sealed record Granted(QuotaGrant Grant, long RenewAt);

    private readonly CancellationTokenSource _stopping = new();
    private readonly string _node;
    private readonly IQuotaSource _source;
    private readonly TimeProvider _clock;
    private readonly IChance _chance;
    private readonly Backoff _probes;
    private readonly LeasedBucket _bucket;
    private readonly ITimer _timer;
    private QuotaClientOptions _options;
    private Granted? _granted;
    // The request that is under way; null when none is. Only who puts it in may send one.
    private TaskCompletionSource? _pull;
    private long _pulledAt;
    private int _failures;
    private long _pulls;
    private long _failedPulls;

    /// <summary>Asks for its first lease at once. Checks the options.</summary>
    /// <param name="node">Its name, unique among those that share the quota.</param>
    public QuotaClient(string node, QuotaClientOptions options, IQuotaSource source, TimeProvider clock, IChance chance)
    {
        options.Check();
        (_node, _options, _source, _clock, _chance) = (node, options, source, clock, chance);
        _probes = new Backoff(new BackoffOptions { Max = TimeSpan.FromSeconds(1) }, chance);
        var localRate = options.AssumedLimit / options.AssumedNodes;
        _bucket = new LeasedBucket(ToBucket(options), localRate, localRate * LocalBurstSeconds, clock);
        _pulledAt = clock.GetTimestamp();
        _timer = clock.CreateTimer(static client => ((QuotaClient)client!).StartPull(isHeartbeat: true), this, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Setting them keeps the lease; they hold from the next request or heartbeat on. First and assumed values have had their time.</summary>
    public QuotaClientOptions Options
    {
        get => Volatile.Read(ref _options);
        set
        {
            value.Check();
            _bucket.Options = ToBucket(value);
            Volatile.Write(ref _options, value);
        }
    }

    /// <summary>True: decide and count as always, but let everything pass. May be changed at any time.</summary>
    public bool DryRun
    {
        get => _bucket.DryRun;
        set => _bucket.DryRun = value;
    }

    /// <summary>Decides by what is here: the lease or the fallback. More tokens at once than the lease's burst are refused.</summary>
    public RateDecision TryTake(int tokens = 1)
    {
        var now = _clock.GetTimestamp();
        var decision = _bucket.TryTake(tokens, now);
        if (!decision.IsAdmitted || !_bucket.IsLeased(now) || now >= Volatile.Read(ref _granted)!.RenewAt) PullWhenAllowed(now);
        return decision;
    }

    /// <summary>
    /// The same, but a request that finds no lease while the source is thought to be well waits for it, as long as <see cref="QuotaClientOptions.AnswerLimit"/> at most.
    /// Then the fallback decides.
    /// </summary>
    public ValueTask<RateDecision> TakeAsync(int tokens, CancellationToken cancellation)
    {
        var now = _clock.GetTimestamp();
        if (Volatile.Read(ref _failures) > 0 || _bucket.IsLeased(now)) return ValueTask.FromResult(TryTake(tokens));
        PullWhenAllowed(now);
        return Volatile.Read(ref _pull) is { } pull ? WaitAsync(pull.Task) : ValueTask.FromResult(TryTake(tokens));

        async ValueTask<RateDecision> WaitAsync(Task pulled)
        {
            await pulled.WaitAsync(cancellation);
            return TryTake(tokens);
        }
    }

    /// <summary>For governor, console and tests.</summary>
    public QuotaSnapshot Snapshot()
    {
        var (bucket, grant) = (_bucket.Snapshot(), Volatile.Read(ref _granted)?.Grant);
        return new(bucket.IsLeased, bucket.IsLeased ? bucket.Rate : 0, grant?.Epoch ?? 0, grant?.Nodes ?? Options.AssumedNodes, bucket.Admitted,
            bucket.Refused, bucket.WouldHaveRefused, bucket.ByFallback, Interlocked.Read(ref _pulls), Interlocked.Read(ref _failedPulls));
    }

    /// <summary>Ends the heartbeat. The lease is not given back: it runs out.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        _timer.Dispose();
    }

    // While the source fails, only the timer tries it.
    private void PullWhenAllowed(long now)
    {
        var first = Volatile.Read(ref _pulls) == 0;
        if (Volatile.Read(ref _failures) > 0 || (!first && _clock.GetElapsedTime(Volatile.Read(ref _pulledAt), now) < s_pullGap)) return;
        StartPull(isHeartbeat: false);
    }

    private void StartPull(bool isHeartbeat)
    {
        if (_stopping.IsCancellationRequested) return;
        var pull = Volatile.Read(ref _pull) is null ? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously) : null;
        if (pull is not null && Interlocked.CompareExchange(ref _pull, pull, null) is null) _ = PullAsync(pull, isHeartbeat);
        else if (isHeartbeat) _timer.Change(s_pullGap, Timeout.InfiniteTimeSpan);
    }

    private async Task PullAsync(TaskCompletionSource pull, bool isHeartbeat)
    {
        var options = Options;
        var askedAt = _clock.GetTimestamp();
        Volatile.Write(ref _pulledAt, askedAt);
        Interlocked.Increment(ref _pulls);
        try
        {
            var demand = Math.Max(options.MinDemand, isHeartbeat ? _bucket.Beat(askedAt) : _bucket.Demand(askedAt));
            Begin(await AskAsync(new QuotaRequest(_node, options.Weight, demand), options.AnswerLimit), askedAt);
            Volatile.Write(ref _failures, 0);
        }
        catch (Exception)
        {
            // The edge to the source, which may fail in any way: that is what the fallback is for.
            Interlocked.Increment(ref _failedPulls);
            Interlocked.Increment(ref _failures);
        }
        Volatile.Write(ref _pull, null);
        pull.SetResult();
        SetTimer(isHeartbeat, options.Heartbeat);
    }

    private void SetTimer(bool wasHeartbeat, TimeSpan heartbeat)
    {
        var failures = Volatile.Read(ref _failures);
        if (failures > 0) _timer.Change(_probes.Next(Math.Min(failures - 1, 30)), Timeout.InfiniteTimeSpan);
        else if (wasHeartbeat) _timer.Change(heartbeat * (0.9 + 0.2 * _chance.NextDouble()), Timeout.InfiniteTimeSpan);
    }

    private async ValueTask<QuotaGrant> AskAsync(QuotaRequest request, TimeSpan answerLimit)
    {
        using var timeout = new CancellationTokenSource(answerLimit, _clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stopping.Token);
        var asked = _source.RequestAsync(request, both.Token);
        // Also when the source does not listen to its token. An answer that comes later is not used: what it leased is lost until its time is over.
        return asked.IsCompleted ? await asked : await asked.AsTask().WaitAsync(answerLimit, _clock, _stopping.Token);
    }

    private void Begin(QuotaGrant grant, long askedAt)
    {
        var makesSense = grant is { Rate: >= 0 and <= 1e9, Burst: >= 0 and <= 1e9, Limit: >= 0 and <= 1e9, Nodes: >= 1 }
            && grant.Ttl > TimeSpan.Zero && grant.Ttl <= TimeSpan.FromHours(1);
        if (!makesSense) throw new InvalidOperationException($"The source granted what makes no sense: {grant}.");
        var ttl = (long)(grant.Ttl.TotalSeconds * _clock.TimestampFrequency);
        Volatile.Write(ref _granted, new Granted(grant, askedAt + ttl - ttl / 5));
        _bucket.Hold(grant.Rate, grant.Burst, askedAt + ttl);
        var localRate = grant.Limit / grant.Nodes;
        _bucket.SetLocalShare(localRate, localRate * LocalBurstSeconds);
    }

    private static LeasedBucketOptions ToBucket(QuotaClientOptions options) =>
        new() { Fallback = options.Fallback, LongestWait = options.Heartbeat, FirstDemand = options.FirstDemand };
}
