using System.Collections.Concurrent;
using FeedMall.Bff.Degradation;
using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Resilience.Bulkheads;
using FeedMall.Resilience.Gates;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Protection;

/// <summary>
/// What stands between the edge and each domain service: places for so many calls at a time, and a breaker for each method, so that one that fails does not
/// close the others. A switch takes the service out as a whole.
/// </summary>
internal sealed class Dependencies : IDisposable
{
    private readonly TimeProvider _clock;
    private readonly IChance _chance;
    private readonly Switches _switches;
    private readonly IDisposable? _changes;
    // Guards the change of settings and the making of breakers and bulkheads.
    private readonly Lock _changing = new();
    // By the full name of the method: as many as the contracts have.
    private readonly ConcurrentDictionary<string, SreBreaker> _breakers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Place> _places = new(StringComparer.Ordinal);
    private DependencySettings _settings;

    public Dependencies(IOptionsMonitor<ProtectionOptions> options, Switches switches, TimeProvider clock, IChance chance)
    {
        (_clock, _chance, _switches, _settings) = (clock, chance, switches, options.CurrentValue.Dependencies);
        _changes = options.OnChange(changed => Apply(changed.Dependencies));
    }

    /// <summary>Finds the places for calls to a domain service; the same function each time for a service, so that its clients share their connections.</summary>
    /// <param name="dependency">The service's short name.</param>
    public Func<string, Gate?> BulkheadOf(string dependency)
    {
        lock (_changing) return _places.GetOrAdd(dependency, _ => MakePlace(dependency)).Find;
    }

    /// <summary>The breaker of a method, by its full name; null while breakers are turned off.</summary>
    public Gate? FindBreaker(string method)
    {
        if (!Volatile.Read(ref _settings).Breaker || IsQuestionOfHealth(method)) return null;
        return _breakers.TryGetValue(method, out var known) ? known : Add(method);
    }

    /// <summary>For the governor.</summary>
    public object Snapshot() => new
    {
        Bulkheads = _places.ToDictionary(place => place.Key, place => place.Value.Bulkhead.Snapshot()),
        Breakers = _breakers.ToDictionary(breaker => breaker.Key, breaker => new { Breaker = breaker.Value.Snapshot(), breaker.Value.Counts }),
    };

    public void Dispose() => _changes?.Dispose();

    private Place MakePlace(string dependency)
    {
        var ofDependency = _switches.OfDependency(dependency);
        return new Place(new Bulkhead(_settings.ToBulkhead(), _clock) { DryRun = _settings.BulkheadDryRun }, new ClosedGate(ofDependency, _clock), ofDependency, _switches);
    }

    private SreBreaker Add(string method)
    {
        lock (_changing) return _breakers.GetOrAdd(method, _ => new SreBreaker(_settings.ToBreaker(), _clock, _chance) { DryRun = _settings.BreakerDryRun });
    }

    private void Apply(DependencySettings settings)
    {
        lock (_changing)
        {
            Volatile.Write(ref _settings, settings);
            foreach (var breaker in _breakers.Values) (breaker.Options, breaker.DryRun) = (settings.ToBreaker(), settings.BreakerDryRun);
            foreach (var place in _places.Values) (place.Bulkhead.Options, place.Bulkhead.DryRun) = (settings.ToBulkhead(), settings.BulkheadDryRun);
        }
    }

    // To find out how things are must be possible just when they are bad.
    private static bool IsQuestionOfHealth(string method) => method.StartsWith("/grpc.health.", StringComparison.Ordinal);

    private sealed class Place(Bulkhead bulkhead, ClosedGate closed, Switch ofDependency, Switches switches)
    {
        public Bulkhead Bulkhead => bulkhead;

        public Func<string, Gate?> Find { get; } = method =>
        {
            if (IsQuestionOfHealth(method)) return null;
            if (ofDependency.State != SwitchState.Forced) return bulkhead;
            if (!switches.DryRun) return closed;
            ofDependency.Act(dryRun: true);
            return bulkhead;
        };
    }
}
