using Microsoft.Extensions.Configuration;

namespace FeedMall.ServiceDefaults.Governor;

/// <summary>
/// Settings that operators change through the governor while the service runs. They win over file, environment and command line, and are gone after a
/// restart: what is to stay belongs into the file.
/// </summary>
public sealed class OverrideSettings : ConfigurationProvider, IConfigurationSource
{
    // Guards the exchange of all of them.
    private readonly Lock _changing = new();
    private IReadOnlyDictionary<string, string?> _present = new Dictionary<string, string?>();

    /// <summary>What is changed at present, by its full key.</summary>
    public IReadOnlyDictionary<string, string?> Present => Volatile.Read(ref _present);

    /// <summary>Takes these in place of all that were there, if they are found good.</summary>
    /// <param name="find">Makes the new ones of the present ones; null: no change. Two changes at once come one after the other.</param>
    /// <returns>Whether there was a change.</returns>
    public bool TryReplace(Func<IReadOnlyDictionary<string, string?>, IReadOnlyDictionary<string, string?>?> find)
    {
        lock (_changing)
        {
            if (find(_present) is not { } next) return false;
            Volatile.Write(ref _present, next);
            Data = new Dictionary<string, string?>(next, StringComparer.OrdinalIgnoreCase);
        }
        OnReload();
        return true;
    }

    /// <inheritdoc/>
    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;
}
