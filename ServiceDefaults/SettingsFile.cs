using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Json;

namespace FeedMall.ServiceDefaults;

/// <summary>
/// A service's settings file, which may be edited while the service runs: a save that is no JSON, or that has a bad setting in whatever section, changes nothing.
/// </summary>
internal sealed class SettingsFile : JsonConfigurationSource
{
    /// <summary>Why the last save was not taken over; null when it was.</summary>
    public string? Problem { get; private set; }

    /// <summary>Says what is wrong with the settings as they are now; set when the service runs.</summary>
    public Func<string?>? FindProblem { get; set; }

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
            var before = Data;
            file.Problem = null;
            try
            {
                base.Load(stream);
                // Options are made anew only when all of the file was found good: until then nobody sees what is tried here.
                if (_loaded && file.FindProblem?.Invoke() is { } problem) (file.Problem, Data) = (problem, before);
                _loaded = true;
            }
            catch (FormatException malformed) when (_loaded)
            {
                file.Problem = $"{file.Path} cannot be read: {(malformed.InnerException ?? malformed).Message}";
            }
        }
    }
}
