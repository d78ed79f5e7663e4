using System.Collections.Frozen;
using System.Globalization;
using FeedMall.Bff.Edge;
using FeedMall.Resilience.Quotas;
using FeedMall.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Protection;

/// <summary>One caller's part of the quota on this copy of the service.</summary>
/// <param name="Name">As in the settings.</param>
/// <param name="Limit">What he may do on all copies at most, per second.</param>
/// <param name="Bucket">Decides.</param>
internal sealed record CallerQuota(string Name, double Limit, LeasedBucket Bucket);

/// <summary>
/// The quota that all copies of the service share: each caller's requests are decided by what this copy holds of it, in memory. <see cref="QuotaRenewal"/> brings that up
/// to date.
/// </summary>
/// <remarks>There are as many callers as the settings name, and one more: names that come with requests are the callers' own claim, so they make no places.</remarks>
internal sealed class Quotas : IDisposable
{
    private const string Other = "other";
    public const string User = "user";
    public const string Anonymous = "anonymous";

    private sealed record State(QuotaSettings Settings, FrozenDictionary<string, CallerQuota> Callers);

    // Guards the change of settings.
    private readonly Lock _changing = new();
    private readonly TimeProvider _clock;
    private readonly IDisposable? _changes;
    private State _state;

    public Quotas(IOptionsMonitor<ProtectionOptions> options, ServiceIdentity identity, TimeProvider clock)
    {
        _clock = clock;
        // Two copies that were given the same name must not take each other's notes for their own, nor one that is started again those of its past.
        Node = string.Create(CultureInfo.InvariantCulture, $"{identity.Instance} {Guid.NewGuid():n}");
        _state = new State(options.CurrentValue.Quota, FrozenDictionary<string, CallerQuota>.Empty);
        Peers = new QuotaPeers(Node, _state.Settings.ToPeers(), clock);
        Apply(_state.Settings);
        _changes = options.OnChange(changed => Apply(changed.Quota));
    }

    /// <summary>This copy's name among those that share the quota.</summary>
    public string Node { get; }

    public QuotaPeers Peers { get; }

    public QuotaSettings Settings => Volatile.Read(ref _state).Settings;

    public IReadOnlyCollection<CallerQuota> Callers => Volatile.Read(ref _state).Callers.Values;

    /// <summary>Who a request counts for.</summary>
    public CallerQuota CallerOf(RequestContext request)
    {
        var (settings, callers) = Volatile.Read(ref _state);
        if (settings.By == QuotaKey.Tier) return callers[request.Uid is null ? Anonymous : User];
        return callers.TryGetValue(request.App, out var known) ? known : callers[Other];
    }

    /// <summary>For the governor.</summary>
    public object Snapshot() => new { Node, Peers = Peers.Snapshot(), Callers = Callers.ToDictionary(caller => caller.Name, caller => caller.Bucket.Snapshot()) };

    public void Dispose() => _changes?.Dispose();

    private void Apply(QuotaSettings settings)
    {
        lock (_changing)
        {
            string[] names = settings.By == QuotaKey.Tier ? [User, Anonymous] : [.. settings.Callers.Keys.Append(Other).Distinct(StringComparer.Ordinal)];
            var callers = names.Select(name => Make(name, names.Length, settings)).ToList();
            Peers.Options = settings.ToPeers();
            Peers.Callers = callers.ConvertAll(caller => new QuotaCaller(caller.Name, Of(caller.Name, settings).Weight, Of(caller.Name, settings).Limit, caller.Bucket));
            Volatile.Write(ref _state, new State(settings, callers.ToFrozenDictionary(caller => caller.Name, StringComparer.Ordinal)));
        }
    }

    // What a caller has goes on when settings change.
    private CallerQuota Make(string name, int count, QuotaSettings settings)
    {
        var limit = Of(name, settings).Limit is > 0 and var own ? Math.Min(own, settings.Limit) : settings.Limit;
        var local = Math.Min(limit, settings.Limit / count) / settings.Copies;
        var bucket = _state.Callers.GetValueOrDefault(name)?.Bucket ?? new LeasedBucket(settings.ToBucket(), local, local * settings.Burst.TotalSeconds, _clock);
        (bucket.Options, bucket.DryRun) = (settings.ToBucket(), settings.DryRun);
        return new CallerQuota(name, limit, bucket);
    }

    private static QuotaCallerSettings Of(string name, QuotaSettings settings) => settings.Callers.GetValueOrDefault(name) ?? new QuotaCallerSettings();
}
