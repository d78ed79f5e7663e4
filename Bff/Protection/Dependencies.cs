using System.Collections.Concurrent;
using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Resilience.Bulkheads;
using FeedMall.Resilience.Gates;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Protection;

/// <summary>
/// What stands between the edge and each domain service: places for so many calls at a time, and a breaker for each method, so that one that fails does not
/// close the others.
/// </summary>
internal sealed class Dependencies : IDisposable
{
    private readonly TimeProvider _clock;
    private readonly IChance _chance;
    private readonly IDisposable? _changes;
    // Guards the change of settings and the making of breakers and bulkheads.
    private readonly Lock _changing = new();
    // By the full name of the method: as many as the contracts have.
    private readonly ConcurrentDictionary<string, SreBreaker> _breakers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Bulkhead> _bulkheads = new(StringComparer.Ordinal);
    private DependencySettings _settings;

    public Dependencies(IOptionsMonitor<ProtectionOptions> options, TimeProvider clock, IChance chance)
    {
        (_clock, _chance, _settings) = (clock, chance, options.CurrentValue.Dependencies);
        _changes = options.OnChange(changed => Apply(changed.Dependencies));
    }

    /// <summary>The places for calls to a domain service, by its short name.</summary>
    public Gate BulkheadOf(string dependency)
    {
        lock (_changing) return _bulkheads.GetOrAdd(dependency, _ => new Bulkhead(_settings.ToBulkhead(), _clock) { DryRun = _settings.BulkheadDryRun });
    }

    /// <summary>The breaker of a method, by its full name; null while breakers are turned off.</summary>
    public Gate? FindBreaker(string method)
    {
        if (!Volatile.Read(ref _settings).Breaker) return null;
        return _breakers.TryGetValue(method, out var known) ? known : Add(method);
    }

    /// <summary>For the governor.</summary>
    public object Snapshot() => new
    {
        Bulkheads = _bulkheads.ToDictionary(bulkhead => bulkhead.Key, bulkhead => bulkhead.Value.Snapshot()),
        Breakers = _breakers.ToDictionary(breaker => breaker.Key, breaker => new { Breaker = breaker.Value.Snapshot(), breaker.Value.Counts }),
    };

    public void Dispose() => _changes?.Dispose();

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
            foreach (var bulkhead in _bulkheads.Values) (bulkhead.Options, bulkhead.DryRun) = (settings.ToBulkhead(), settings.BulkheadDryRun);
        }
    }
}
