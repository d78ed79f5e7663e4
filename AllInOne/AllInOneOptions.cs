namespace FeedMall.AllInOne;

/// <summary>What starting everything at once adds to the services' own settings.</summary>
public sealed class AllInOneOptions
{
    /// <summary>The settings section.</summary>
    public const string Section = "AllInOne";

    /// <summary>Whether an empty system is filled with demo data at its first start. Default true.</summary>
    public bool DemoData { get; set; } = true;

    /// <summary>How long to wait for all services to be ready. Default 30 s; 1 s to 10 minutes.</summary>
    public TimeSpan ReadyTimeout { get; set; } = TimeSpan.FromSeconds(30);
}
