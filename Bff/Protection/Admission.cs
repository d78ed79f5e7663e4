using FeedMall.Resilience;
using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Limiting;
using FeedMall.Resilience.Load;
using FeedMall.Resilience.Queueing;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Protection;

/// <summary>How much work the edge takes on: a limit that follows the load, a hard ceiling, and a short queue that lets the important in first.</summary>
internal sealed class Admission : IDisposable
{
    private readonly IDisposable[] _meters;
    private readonly ILoadSignal _load;
    private readonly BbrLimiter _limiter;
    private readonly AdmissionQueue _queue;
    private readonly UserCohort _cohorts;
    private readonly IDisposable? _changes;

    public Admission(IOptionsMonitor<ProtectionOptions> options, UserCohort cohorts, TimeProvider clock)
    {
        var (cpu, pool, pauses) = (new CpuMeter(new LoadOptions(), clock), new ThreadPoolDelay(new LoadOptions(), clock), new CollectionPauses(new LoadOptions(), clock));
        (_meters, _load) = ([cpu, pool, pauses], new OverloadSignal(cpu, pool, pauses));
        var present = options.CurrentValue.Admission;
        _limiter = new BbrLimiter(present.ToLimiter(), _load, clock);
        _queue = new AdmissionQueue(_limiter, present.ToQueue(), clock);
        _cohorts = cohorts;
        Apply(present);
        _changes = options.OnChange(changed => Apply(changed.Admission));
    }

    public bool IsEnabled { get; private set; }

    /// <summary>Waits for a place, at most as long as makes sense.</summary>
    /// <param name="client">Who asks: all of a client's requests share its fate.</param>
    public ValueTask<Permit> EnterAsync(Criticality criticality, string client, TimeSpan timeLeft, CancellationToken cancel) =>
        _queue.EnterAsync(criticality, _cohorts.Of(client), timeLeft, cancel);

    /// <summary>Why a request need not even begin what comes before its place; None: it has to ask for one.</summary>
    public Reason Knock(Criticality criticality, string client, TimeSpan timeLeft) =>
        IsEnabled ? _queue.Knock(criticality, _cohorts.Of(client), timeLeft) : Reason.None;

    /// <summary>For the governor.</summary>
    public object Snapshot() => new { Limiter = _limiter.Snapshot(), Counts = _limiter.Counts, Queue = _queue.Snapshot() };

    public void Dispose()
    {
        _changes?.Dispose();
        _queue.Dispose();
        foreach (var meter in _meters) meter.Dispose();
    }

    private void Apply(AdmissionSettings settings)
    {
        (IsEnabled, _limiter.DryRun) = (settings.Enabled, settings.DryRun);
        (_limiter.Options, _queue.Options) = (settings.ToLimiter(), settings.ToQueue());
    }
}
