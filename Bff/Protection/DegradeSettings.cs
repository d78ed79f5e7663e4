namespace FeedMall.Bff.Protection;

/// <summary>Whether something may be answered without being asked for.</summary>
public enum SwitchState
{
    /// <summary>When it fails.</summary>
    Auto,

    /// <summary>Never: its failures go out as they are.</summary>
    Off,

    /// <summary>Always: it is not asked at all.</summary>
    Forced,
}

/// <summary>Settings of what answers when a route cannot. The switch of a route: Protection:Routes:[name]:Degrade.</summary>
public sealed class DegradeSettings
{
    /// <summary>Whether it only counts what would have been answered in another way. Default false.</summary>
    public bool DryRun { get; set; }

    /// <summary>The switch of Domain.Feed. Forced: every call to it fails at once. Off: its failures go out as they are. Default auto.</summary>
    public SwitchState Feed { get; set; }

    /// <summary>The switch of Domain.Mall.</summary>
    public SwitchState Mall { get; set; }

    /// <summary>How often what stands in for lists (the popular posts, the newest collections) is read anew while all is well; 0: never. 100 ms to 10 min; default 10 s.</summary>
    public TimeSpan RenewInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How old it may get while it cannot be read. 1 s to 7 days; default 12 h.</summary>
    public TimeSpan KeepFor { get; set; } = TimeSpan.FromHours(12);

    /// <summary>The switch of each domain service.</summary>
    internal IReadOnlyDictionary<string, SwitchState> ToDependencies() => new Dictionary<string, SwitchState> { ["feed"] = Feed, ["mall"] = Mall };
}
