using System.Collections.Concurrent;
using FeedMall.Bff.Protection;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Degradation;

/// <summary>The switches of all routes and of all domain services, as the settings say at present.</summary>
internal sealed class Switches : IDisposable
{
    // By the route's name, and by the service's: as many as there are in code.
    private readonly ConcurrentDictionary<string, Switch> _routes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Switch> _dependencies = new(StringComparer.Ordinal);
    // Guards the change of settings and the making of switches.
    private readonly Lock _changing = new();
    private readonly TimeProvider _clock;
    private readonly IDisposable? _changes;
    private ProtectionOptions _options;

    public Switches(IOptionsMonitor<ProtectionOptions> options, TimeProvider clock)
    {
        (_clock, _options) = (clock, options.CurrentValue);
        _changes = options.OnChange(Apply);
    }

    /// <summary>Whether they only count.</summary>
    public bool DryRun => Volatile.Read(ref _options).Degrade.DryRun;

    public Switch OfRoute(string route) => _routes.TryGetValue(route, out var known) ? known : Add(_routes, route, StateOfRoute);

    public Switch OfDependency(string dependency) => _dependencies.TryGetValue(dependency, out var known) ? known : Add(_dependencies, dependency, StateOfDependency);

    /// <summary>Of all domain services, for the governor.</summary>
    public IReadOnlyDictionary<string, SwitchSnapshot> Dependencies() => _options.Degrade.ToDependencies().Keys.ToDictionary(name => name, name => OfDependency(name).Snapshot());

    public void Dispose() => _changes?.Dispose();

    private Switch Add(ConcurrentDictionary<string, Switch> all, string name, Func<string, ProtectionOptions, SwitchState> stateOf)
    {
        lock (_changing) return all.GetOrAdd(name, _ => new Switch(stateOf(name, _options), _clock));
    }

    private void Apply(ProtectionOptions options)
    {
        lock (_changing)
        {
            Volatile.Write(ref _options, options);
            foreach (var (name, route) in _routes) route.Set(StateOfRoute(name, options));
            foreach (var (name, dependency) in _dependencies) dependency.Set(StateOfDependency(name, options));
        }
    }

    private static SwitchState StateOfRoute(string route, ProtectionOptions options) => options.Routes.GetValueOrDefault(route)?.Degrade ?? SwitchState.Auto;

    private static SwitchState StateOfDependency(string dependency, ProtectionOptions options) => options.Degrade.ToDependencies()[dependency];
}
