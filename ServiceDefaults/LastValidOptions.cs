using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FeedMall.ServiceDefaults;

/// <summary>
/// Makes options as the framework does, but when the settings turn bad while the service runs, the last good ones stay and one warning
/// says why. Bad ones at the start still end it.
/// </summary>
/// <param name="sources">Name the options of this type that follow the settings.</param>
/// <param name="provider">Asked for the log only when there is something to log: the log itself has options.</param>
internal sealed partial class LastValidOptions<TOptions>(
    IEnumerable<IConfigureOptions<TOptions>> setups, IEnumerable<IPostConfigureOptions<TOptions>> afterwards,
    IEnumerable<IValidateOptions<TOptions>> checks, IEnumerable<IOptionsChangeTokenSource<TOptions>> sources, IServiceProvider provider)
    : IOptionsFactory<TOptions>, IOptionsTrial
    where TOptions : class
{
    private readonly OptionsFactory<TOptions> _factory = new(setups, afterwards, checks);
    private readonly ConcurrentDictionary<string, TOptions> _lastValid = new();

    public TOptions Create(string name)
    {
        try
        {
            return _lastValid[name] = _factory.Create(name);
        }
        // The binder throws InvalidOperationException for what is no number, no time, …
        catch (Exception bad) when (bad is OptionsValidationException or InvalidOperationException && _lastValid.TryGetValue(name, out _))
        {
            LogKept(provider.GetRequiredService<ILogger<ServiceIdentity>>(), SettingsTrial.Explain(bad));
            return _lastValid[name];
        }
    }

    public string? FindProblem()
    {
        try
        {
            foreach (var name in sources.Select(source => source.Name).Distinct()) _factory.Create(name ?? Options.DefaultName);
            return null;
        }
        catch (Exception bad) when (bad is OptionsValidationException or InvalidOperationException)
        {
            return SettingsTrial.Explain(bad);
        }
    }

    [LoggerMessage(2, LogLevel.Warning, "Bad settings are not taken over, the last good ones stay: {Problem}")]
    private static partial void LogKept(ILogger log, string problem);
}
