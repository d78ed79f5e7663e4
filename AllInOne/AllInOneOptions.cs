using FeedMall.ServiceDefaults;

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

    /// <summary>Reads and checks the section. This room has no container of its own that would do it at start.</summary>
    /// <exception cref="StartException">A value is out of its range.</exception>
    public static AllInOneOptions Read(IConfiguration settings)
    {
        var options = settings.GetSection(Section).Get<AllInOneOptions>() ?? new();
        if (options.ReadyTimeout < TimeSpan.FromSeconds(1) || options.ReadyTimeout > TimeSpan.FromMinutes(10))
            throw new StartException($"{Section}:{nameof(ReadyTimeout)} must be from 00:00:01 to 00:10:00, but is {options.ReadyTimeout}.");
        return options;
    }
}
