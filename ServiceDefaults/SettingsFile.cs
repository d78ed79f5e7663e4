using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Json;
using Microsoft.Extensions.Primitives;

namespace FeedMall.ServiceDefaults;

/// <summary>
/// A service's settings file, which may be edited while the service runs: a save that is no JSON, or that has a bad setting in whatever section, changes
/// nothing, nor does a file that is gone.
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

    private sealed class Provider : JsonConfigurationProvider
    {
        // A save comes as several events; while it is under way the file may be gone, or half of it.
        private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(250);

        private readonly SettingsFile _file;
        private readonly IDisposable _changes;
        private bool _loaded;
        private int _events;

        public Provider(SettingsFile file) : base(file)
        {
            _file = file;
            // The framework's own way (ReloadOnChange) takes a file that is gone, or cannot be opened, for one without settings.
            _changes = ChangeToken.OnChange(() => file.FileProvider!.Watch(file.Path!), () => _ = ReloadAsync());
        }

        public override void Load(Stream stream)
        {
            var before = Data;
            _file.Problem = null;
            try
            {
                base.Load(stream);
                // Options are made anew only when all of the file was found good: until then nobody sees what is tried here.
                if (_loaded && _file.FindProblem?.Invoke() is { } problem) (_file.Problem, Data) = (problem, before);
                _loaded = true;
            }
            catch (FormatException malformed) when (_loaded)
            {
                _file.Problem = $"{_file.Path} cannot be read: {(malformed.InnerException ?? malformed).Message}";
            }
        }

        protected override void Dispose(bool disposing)
        {
            _changes.Dispose();
            base.Dispose(disposing);
        }

        private async Task ReloadAsync()
        {
            var mine = Interlocked.Increment(ref _events);
            await Task.Delay(s_quiet, TimeProvider.System);
            if (mine != Volatile.Read(ref _events)) return;
            var before = Data;
            try
            {
                Load();
            }
            catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or InvalidDataException)
            {
                (Data, _file.Problem) = (before, $"{_file.Path} cannot be read: {unreadable.Message}");
                OnReload();
            }
        }
    }
}
