using System.Collections.Concurrent;
using System.Collections.Frozen;
using FeedMall.Bff.Degradation;
using FeedMall.Resilience;
using FeedMall.Resilience.Breaking;
using FeedMall.Resilience.Bulkheads;
using FeedMall.Resilience.Gates;
using FeedMall.Rpc.Client;
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
    // The same at the addresses that stand by.
    private readonly ConcurrentDictionary<string, SreBreaker> _standby = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Place> _places = new(StringComparer.Ordinal);
    private DependencySettings _settings;
    // By the full name of the method.
    private FrozenDictionary<string, TimeSpan> _timeouts;

    public Dependencies(IOptionsMonitor<ProtectionOptions> options, Switches switches, TimeProvider clock, IChance chance)
    {
        (_clock, _chance, _switches, _settings) = (clock, chance, switches, options.CurrentValue.Dependencies);
        (_timeouts, Retry) = (TimeoutsOf(_settings), _settings.ToRetry());
        _changes = options.OnChange(changed => Apply(changed.Dependencies));
    }

    /// <summary>Finds the places for calls to a domain service; the same function each time for a service, so that its clients share their connections.</summary>
    /// <param name="dependency">The service's short name.</param>
    public Func<string, Gate?> BulkheadOf(string dependency) => PlaceOf(dependency).FindBulkhead;

    /// <summary>Finds the pair of breakers of a method, for a domain service that has addresses that stand by; the same function each time for a service.</summary>
    /// <param name="dependency">The service's short name.</param>
    public Func<string, GutterPair?> GutterOf(string dependency) => PlaceOf(dependency).FindGutter;

    /// <summary>The breaker of a method, by its full name; null while breakers are turned off.</summary>
    public Gate? FindBreaker(string method)
    {
        if (!Volatile.Read(ref _settings).Breaker || IsQuestionOfHealth(method)) return null;
        return _breakers.TryGetValue(method, out var known) ? known : Add(_breakers, method);
    }

    /// <summary>When and how often calls are tried again.</summary>
    public RetryOptions Retry { get; }

    /// <summary>Finds the longest time of a call to a domain service; the same function each time for a service.</summary>
    /// <param name="dependency">The service's short name.</param>
    public Func<string, TimeSpan?> TimeoutOf(string dependency) => PlaceOf(dependency).FindTimeout;

    /// <summary>From now on the times of calls hold: the service has answered.</summary>
    /// <param name="dependency">The service's short name.</param>
    /// <param name="coldCalls">Calls of each method that still have as much time as their requests: what they do was perhaps not done before.</param>
    public void SetWarm(string dependency, int coldCalls) => PlaceOf(dependency).SetWarm(coldCalls);

    /// <summary>For the governor.</summary>
    public object Snapshot() => new
    {
        Bulkheads = _places.ToDictionary(place => place.Key, place => place.Value.Snapshot()),
        Warm = _places.ToDictionary(place => place.Key, place => place.Value.IsWarm),
        Timeouts = Volatile.Read(ref _timeouts),
        Gutters = _places.ToDictionary(place => place.Key, place => place.Value.GutterSnapshot()),
        Breakers = Show(_breakers),
        GutterBreakers = Show(_standby),
    };

    public void Dispose() => _changes?.Dispose();

    private Place PlaceOf(string dependency)
    {
        lock (_changing) return _places.GetOrAdd(dependency, _ => new Place(this, dependency, _clock));
    }

    private static object Show(ConcurrentDictionary<string, SreBreaker> breakers) =>
        breakers.ToDictionary(breaker => breaker.Key, breaker => new { Breaker = breaker.Value.Snapshot(), breaker.Value.Counts });

    private SreBreaker Add(ConcurrentDictionary<string, SreBreaker> breakers, string method)
    {
        lock (_changing) return breakers.GetOrAdd(method, _ => new SreBreaker(_settings.ToBreaker(), _clock, _chance) { DryRun = _settings.BreakerDryRun });
    }

    private void Apply(DependencySettings settings)
    {
        lock (_changing)
        {
            Volatile.Write(ref _settings, settings);
            Volatile.Write(ref _timeouts, TimeoutsOf(settings));
            foreach (var breaker in _breakers.Values.Concat(_standby.Values)) (breaker.Options, breaker.DryRun) = (settings.ToBreaker(), settings.BreakerDryRun);
            foreach (var place in _places.Values) place.Apply(settings);
        }
    }

    private static FrozenDictionary<string, TimeSpan> TimeoutsOf(DependencySettings settings) =>
        DomainMethods.All.ToFrozenDictionary(method => $"/{method.Key}", method => settings.TimeoutOf(method.Key, reads: method.Value));

    // To find out how things are must be possible just when they are bad.
    private static bool IsQuestionOfHealth(string method) => method.StartsWith("/grpc.health.", StringComparison.Ordinal);

    /// <summary>What there is once for each domain service.</summary>
    private sealed class Place
    {
        private readonly Dependencies _all;
        private readonly Bulkhead _bulkhead;
        private readonly Bulkhead _gutter;
        private readonly Switch _switch;
        private readonly ClosedGate _closed;
        private readonly ConcurrentDictionary<string, GutterPair> _pairs = new(StringComparer.Ordinal);
        // Calls that each method has had since the service was warm, as long as they are few.
        private readonly ConcurrentDictionary<string, int> _calls = new(StringComparer.Ordinal);
        private int _coldCalls;
        private volatile bool _isWarm;

        public Place(Dependencies all, string dependency, TimeProvider clock)
        {
            _switch = all._switches.OfDependency(dependency);
            _closed = new ClosedGate(_switch, clock);
            (_all, _bulkhead, _gutter) = (all, new Bulkhead(new BulkheadOptions(), clock), new Bulkhead(new BulkheadOptions(), clock));
            Apply(all._settings);
        }

        public bool IsWarm => _isWarm;

        public void SetWarm(int coldCalls) => (_coldCalls, _isWarm) = (coldCalls, true);

        public void Apply(DependencySettings settings)
        {
            (_bulkhead.Options, _bulkhead.DryRun) = (settings.ToBulkhead(), settings.BulkheadDryRun);
            (_gutter.Options, _gutter.DryRun) = (new BulkheadOptions { Places = settings.GutterPlaces }, settings.BreakerDryRun);
        }

        public BulkheadSnapshot Snapshot() => _bulkhead.Snapshot();

        public object GutterSnapshot() => new { Bulkhead = _gutter.Snapshot(), Pairs = _pairs.ToDictionary(pair => pair.Key, pair => pair.Value.Snapshot()) };

        public Gate? FindBulkhead(string method)
        {
            if (IsQuestionOfHealth(method)) return null;
            if (_switch.State != SwitchState.Forced) return _bulkhead;
            if (!_all._switches.DryRun) return _closed;
            _switch.Act(dryRun: true);
            return _bulkhead;
        }

        public TimeSpan? FindTimeout(string method) =>
            _isWarm && Volatile.Read(ref _all._timeouts).TryGetValue(method, out var time) && !IsCold(method) ? time : null;

        private bool IsCold(string method)
        {
            if (_coldCalls == 0 || (_calls.TryGetValue(method, out var calls) && calls >= _coldCalls)) return false;
            _calls.AddOrUpdate(method, 1, static (_, before) => before + 1);
            return true;
        }

        public GutterPair? FindGutter(string method)
        {
            if (_all.FindBreaker(method) is not { } primary) return null;
            return _pairs.TryGetValue(method, out var known) ? known : _pairs.GetOrAdd(method, _ => new GutterPair(primary, _all.Add(_all._standby, method), _gutter));
        }
    }
}
