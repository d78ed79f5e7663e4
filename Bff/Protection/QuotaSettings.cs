using FeedMall.Resilience.Quotas;

namespace FeedMall.Bff.Protection;

/// <summary>Whose requests are counted together.</summary>
public enum QuotaKey
{
    /// <summary>Those of an application, as it names itself in the header aid: one that is in the settings; all others are "other".</summary>
    App,

    /// <summary>Those of "user" (logged in) and of "anonymous".</summary>
    Tier,
}

/// <summary>Settings of the quota that all copies of the service share. They must be the same on all; while they are not, the lowest limit holds.</summary>
public sealed class QuotaSettings
{
    private const int MaxCallers = 100;
    private const int MaxNameLength = 32;

    /// <summary>Whether it is there. Default true.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Whether it only counts what it would have refused. Default false.</summary>
    public bool DryRun { get; set; }

    /// <summary>Whose requests are counted together. Default App.</summary>
    public QuotaKey By { get; set; } = QuotaKey.App;

    /// <summary>Requests per second of all callers on all copies together. 1 to 1,000,000,000; default 50,000.</summary>
    public double Limit { get; set; } = 50_000;

    /// <summary>How often a copy tells the others what it needs and renews its part, give or take a tenth. 100 ms to 10 s; default 500 ms.</summary>
    public TimeSpan Renewal { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long it goes by its part when it cannot; a copy that died keeps its part as long. Three times Renewal to 1 min; default 3 s.</summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>What may be spent at once, as time at the limit. 0 to 1 s; default 100 ms.</summary>
    public TimeSpan Burst { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>What happens without the store. Default LocalShare: the limit divided by the copies that were there last.</summary>
    public QuotaFallback WithoutStore { get; set; } = QuotaFallback.LocalShare;

    /// <summary>Copies that are assumed to be there until the store was asked. 1 to 10,000; default 1.</summary>
    public int Copies { get; set; } = 1;

    /// <summary>Callers by name: a value of the header aid, "user", "anonymous", "other".</summary>
    public Dictionary<string, QuotaCallerSettings> Callers { get; set; } = [];

    internal QuotaPeersOptions ToPeers() => new() { Limit = Limit, Ttl = Lease, BurstTime = Burst, AssumedNodes = Copies };

    internal LeasedBucketOptions ToBucket() => new() { Fallback = WithoutStore, LongestWait = Renewal };

    /// <summary>What is wrong, by the key's end.</summary>
    internal IEnumerable<string> FindProblems()
    {
        if (Limit is not (>= 1 and <= 1e9)) yield return $"{nameof(Limit)} must be 1 to 1,000,000,000 per second.";
        if (Renewal < TimeSpan.FromMilliseconds(100) || Renewal > TimeSpan.FromSeconds(10)) yield return $"{nameof(Renewal)} must be 100 ms to 10 s.";
        if (Lease < 3 * Renewal || Lease > TimeSpan.FromMinutes(1)) yield return $"{nameof(Lease)} must be three times {nameof(Renewal)} to 1 minute.";
        if (Burst < TimeSpan.Zero || Burst > TimeSpan.FromSeconds(1)) yield return $"{nameof(Burst)} must be 0 to 1 s.";
        if (!Enum.IsDefined(By)) yield return $"{nameof(By)} must be App or Tier.";
        if (!Enum.IsDefined(WithoutStore)) yield return $"{nameof(WithoutStore)} must be LocalShare, AllowAll or DenyAll.";
        if (Copies is < 1 or > 10_000) yield return $"{nameof(Copies)} must be 1 to 10,000.";
        if (Callers.Count > MaxCallers) yield return $"{nameof(Callers)} must be at most {MaxCallers}.";
        foreach (var (name, caller) in Callers)
        {
            if (By == QuotaKey.Tier && name is not (Quotas.User or Quotas.Anonymous)) yield return $"{nameof(Callers)}:{name} is no tier: there are {Quotas.User} and {Quotas.Anonymous}.";
            if (name.Length > MaxNameLength) yield return $"{nameof(Callers)}:{name} is no name: at most {MaxNameLength} characters.";
            if (caller.Weight is not (>= 0.001 and <= 1000)) yield return $"{nameof(Callers)}:{name}:{nameof(caller.Weight)} must be 0.001 to 1,000.";
            if (caller.Limit is not (0 or (>= 0.001 and <= 1e9))) yield return $"{nameof(Callers)}:{name}:{nameof(caller.Limit)} must be 0 (none) or 0.001 to 1,000,000,000 per second.";
        }
    }
}

/// <summary>What one caller may do.</summary>
public sealed class QuotaCallerSettings
{
    /// <summary>His part against that of the others when there is not enough for all. 0.001 to 1,000; default 1.</summary>
    public double Weight { get; set; } = 1;

    /// <summary>Requests per second of his own, on all copies together; 0: only what holds for all. 0 to 1,000,000,000; default 0.</summary>
    public double Limit { get; set; }
}
