using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using FeedMall.Bff.Edge;
using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Limiting;
using FeedMall.Resilience.Queueing;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Protection;

/// <summary>
/// How many calls of each method of the domain services are on their way at a time: as many as are answered about as fast as usual. The others wait a short while, and the
/// important ones go first. So a service that cannot do more is not made slower by the edge until nothing comes in time, whatever it waits for: its processor, or its database.
/// </summary>
internal sealed class CallLimits : IDisposable
{
    private readonly UserCohort _cohorts;
    private readonly TimeProvider _clock;
    private readonly IDisposable? _changes;
    // Guards the change of settings and the making of limits.
    private readonly Lock _changing = new();
    // By the full name of the method: as many as the contracts have.
    private readonly ConcurrentDictionary<string, MethodLimit> _limits = new(StringComparer.Ordinal);
    private DependencySettings _settings;

    public CallLimits(IOptionsMonitor<ProtectionOptions> options, UserCohort cohorts, TimeProvider clock)
    {
        (_cohorts, _clock, _settings) = (cohorts, clock, options.CurrentValue.Dependencies);
        _changes = options.OnChange(changed => Apply(changed.Dependencies));
    }

    /// <summary>Waits for a place for a call of the request that this code works for. Null: there is no limit for the method.</summary>
    /// <param name="method">Its full name.</param>
    /// <param name="timeLeft">How long the answer will be of use.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<Permit?> EnterAsync(string method, TimeSpan timeLeft, CancellationToken cancel)
    {
        if (!Volatile.Read(ref _settings).Limit.Enabled || !DomainMethods.All.ContainsKey(method[1..])) return null;
        var limit = _limits.TryGetValue(method, out var known) ? known : Add(method);
        return RequestScope.Current?.Request is { } request
            ? await limit.Queue.EnterAsync(request.Criticality, _cohorts.Of(request.Client), timeLeft, cancel)
            // What nobody asked for waits for all others.
            : await limit.Queue.EnterAsync(Criticality.Sheddable, UserCohort.Count - 1, timeLeft, cancel);
    }

    /// <summary>For the governor.</summary>
    public object Snapshot() => _limits.ToDictionary(limit => limit.Key, limit => new { Limiter = limit.Value.Limiter.Snapshot(), limit.Value.Limiter.Counts, Queue = limit.Value.Queue.Snapshot() });

    public void Dispose()
    {
        _changes?.Dispose();
        foreach (var limit in _limits.Values) limit.Queue.Dispose();
    }

    private MethodLimit Add(string method)
    {
        lock (_changing) return _limits.GetOrAdd(method, _ => new MethodLimit(_settings, method, _clock));
    }

    private void Apply(DependencySettings settings)
    {
        lock (_changing)
        {
            Volatile.Write(ref _settings, settings);
            foreach (var (method, limit) in _limits) limit.Apply(settings, method);
        }
    }

    private sealed class MethodLimit
    {
        public MethodLimit(DependencySettings settings, string method, TimeProvider clock)
        {
            Limiter = new GradientLimiter(LimiterOf(settings, method), clock) { DryRun = settings.Limit.DryRun };
            Queue = new AdmissionQueue(Limiter, settings.Limit.ToQueue(), clock);
        }

        public GradientLimiter Limiter { get; }

        public AdmissionQueue Queue { get; }

        public void Apply(DependencySettings settings, string method) =>
            (Limiter.Options, Queue.Options, Queue.DryRun) = (LimiterOf(settings, method), settings.Limit.ToQueue(), settings.Limit.DryRun);

        private static GradientLimiterOptions LimiterOf(DependencySettings settings, string method) =>
            settings.Limit.ToLimiter(settings.TimeoutOf(method[1..], DomainMethods.All[method[1..]]));
    }
}
