namespace FeedMall.ServiceDefaults;

/// <summary>Where files lie.</summary>
public sealed class DataOptions
{
    /// <summary>The section: the root, as there is one directory for all services.</summary>
    public const string Section = "";

    /// <summary>The folder of everything that must survive a restart; created when missing. Default .data in the current folder.</summary>
    public string DataDirectory { get; set; } = ".data";
}
