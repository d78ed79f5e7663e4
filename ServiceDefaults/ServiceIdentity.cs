namespace FeedMall.ServiceDefaults;

/// <summary>Which service this is.</summary>
/// <param name="Section">Its settings section: "Bff", "Feed", "Mall".</param>
public sealed record ServiceIdentity(string Section)
{
    /// <summary>Its name in logs, traces and file names: the section in lower case.</summary>
    public string Name { get; } = Section.ToLowerInvariant();

    /// <summary>Whether its own port is Kestrel's, at its Url.</summary>
    public bool SpeaksHttp { get; init; } = true;

    /// <summary>Which of several running copies: machine and process, unless set by Log:InstanceId.</summary>
    public string Instance { get; init; } = $"{Environment.MachineName}-{Environment.ProcessId}";
}
