using System.Collections.Frozen;
using FeedMall.Resilience.RateLimiting;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Protection;

/// <summary>The answer of the token buckets of a request.</summary>
/// <param name="Decision">Of the first bucket that refused, or of all.</param>
/// <param name="OfClient">That of the client's bucket.</param>
/// <param name="Policy">The limit of the client, if there is one: its name, its rate and burst.</param>
/// <param name="Remaining">What the client has left of its burst.</param>
internal readonly record struct RateVerdict(RateDecision Decision, RateDecision OfClient, TokenBucketOptions? Policy, double Remaining);

/// <summary>Token buckets: of each client, of each route that has a rate, and of this copy of the service as a whole.</summary>
internal sealed class RateLimits : IDisposable
{
    private readonly TimeProvider _clock;
    private readonly IDisposable? _changes;
    // Guards the making of buckets for routes and the change of settings.
    private readonly Lock _changing = new();
    private readonly TokenBucket _node;
    private readonly KeyedTokenBuckets<string> _clients;
    private FrozenDictionary<string, RouteBuckets> _routes = FrozenDictionary<string, RouteBuckets>.Empty;
    private ProtectionOptions _options;

    public RateLimits(IOptionsMonitor<ProtectionOptions> options, TimeProvider clock)
    {
        (_clock, _options) = (clock, options.CurrentValue);
        _node = new TokenBucket(new TokenBucketOptions(), clock);
        _clients = new KeyedTokenBuckets<string>(new KeyedTokenBucketsOptions(), clock);
        Apply(_options);
        _changes = options.OnChange(Apply);
    }

    public bool IsEnabled => Volatile.Read(ref _options).RateLimit.Enabled;

    /// <summary>Takes a token of each bucket that concerns a request: the client's first, so that what one client may not do costs the others nothing.</summary>
    public RateVerdict TryTake(string route, RoutePolicy policy, string client)
    {
        var ofRoute = _routes.TryGetValue(route, out var known) ? known : Add(route, policy);
        var clients = ofRoute.Clients ?? _clients;
        var ofClient = clients.TryTake(client);
        var decision = ofClient;
        var (limit, left) = (clients.Options.PerKey, clients.Remaining(client));
        if (decision.IsAdmitted && ofRoute.All is { } all) decision = Worse(decision, all.TryTake());
        if (decision.IsAdmitted) decision = Worse(decision, _node.TryTake());
        return new RateVerdict(decision, ofClient, double.IsPositiveInfinity(limit.Rate) ? null : limit, left);
    }

    /// <summary>For the governor.</summary>
    public object Snapshot() => new
    {
        Node = _node.Snapshot(),
        Clients = _clients.Snapshot(),
        Routes = _routes.ToDictionary(route => route.Key, route => new { All = route.Value.All?.Snapshot(), Clients = route.Value.Clients?.Snapshot() }),
    };

    public void Dispose() => _changes?.Dispose();

    // A dry run's remark must not be lost behind a plain admission.
    private static RateDecision Worse(RateDecision first, RateDecision second) =>
        !second.IsAdmitted || second.Reason != Resilience.Reason.None ? second : first;

    private void Apply(ProtectionOptions options)
    {
        lock (_changing)
        {
            Volatile.Write(ref _options, options);
            var rates = options.RateLimit;
            _node.Options = Bucket(rates.NodeRate, rates.NodeBurst);
            _clients.Options = Clients(rates.ClientRate, rates.ClientBurst, rates.MaxClients);
            _node.DryRun = _clients.DryRun = rates.DryRun;
            foreach (var (route, buckets) in _routes) buckets.Apply(options, route);
        }
    }

    private RouteBuckets Add(string route, RoutePolicy policy)
    {
        lock (_changing)
        {
            if (_routes.TryGetValue(route, out var known)) return known;
            var added = new RouteBuckets(policy, _clock);
            added.Apply(_options, route);
            _routes = _routes.Append(KeyValuePair.Create(route, added)).ToFrozenDictionary();
            return added;
        }
    }

    private static TokenBucketOptions Bucket(double rate, double burst) => new() { Rate = rate == 0 ? double.PositiveInfinity : rate, Burst = burst };

    private static KeyedTokenBucketsOptions Clients(double rate, double burst, int most) =>
        new() { PerKey = Bucket(rate, burst), Overflow = Bucket(rate, burst), MaxKeys = most };

    /// <summary>The buckets of one route; none where it has no rates of its own. There are as many as routes in the code.</summary>
    private sealed class RouteBuckets(RoutePolicy policy, TimeProvider clock)
    {
        private TokenBucket? _all;
        private KeyedTokenBuckets<string>? _clients;

        public TokenBucket? All => Volatile.Read(ref _all);

        public KeyedTokenBuckets<string>? Clients => Volatile.Read(ref _clients);

        public void Apply(ProtectionOptions options, string route)
        {
            var settings = options.Routes.GetValueOrDefault(route);
            if (settings?.Rate is > 0 and var rate)
            {
                var bucket = _all ?? new TokenBucket(Bucket(rate, settings.Burst ?? Math.Max(1, rate)), clock);
                (bucket.Options, bucket.DryRun) = (Bucket(rate, settings.Burst ?? Math.Max(1, rate)), options.RateLimit.DryRun);
                Volatile.Write(ref _all, bucket);
            }
            else Volatile.Write(ref _all, null);
            var ofClient = settings?.ClientRate ?? policy.ClientRate;
            if (ofClient > 0)
            {
                var burst = settings?.ClientBurst ?? (settings?.ClientRate is null ? policy.ClientBurst : Math.Max(1, ofClient));
                var keyed = RateLimits.Clients(ofClient, burst, options.RateLimit.MaxClients);
                var buckets = _clients ?? new KeyedTokenBuckets<string>(keyed, clock);
                (buckets.Options, buckets.DryRun) = (keyed, options.RateLimit.DryRun);
                Volatile.Write(ref _clients, buckets);
            }
            else Volatile.Write(ref _clients, null);
        }
    }
}
