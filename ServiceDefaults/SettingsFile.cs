using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Json;

namespace FeedMall.ServiceDefaults;

/// <summary>A service's settings file, which may be edited while the service runs: a save that is no JSON changes nothing.</summary>
internal sealed class SettingsFile : JsonConfigurationSource
{
    /// <summary>Why the last save was not taken over; null when it was.</summary>
    public string? Problem { get; private set; }

    public override IConfigurationProvider Build(IConfigurationBuilder builder)
    {
        EnsureDefaults(builder);
        return new Provider(this);
    }

    private sealed class Provider(SettingsFile file) : JsonConfigurationProvider(file)
    {
        private bool _loaded;

        public override void Load(Stream stream)
        {
            try
            {
                base.Load(stream);
                (_loaded, file.Problem) = (true, null);
            }
            catch (FormatException malformed) when (_loaded)
            {
                file.Problem = $"{file.Path} cannot be read: {(malformed.InnerException ?? malformed).Message}";
            }
        }
    }
}
