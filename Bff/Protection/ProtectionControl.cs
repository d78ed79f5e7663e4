using System.Net;
using System.Text.Json;
using FeedMall.ServiceDefaults.Governor;
using Microsoft.Extensions.Options;

namespace FeedMall.Bff.Protection;

/// <summary>
/// Changes protections while the service runs. A change is the part of the settings that is to be another, as JSON; it is checked together with all other
/// settings as they would then be, and taken over as a whole or not at all. Each change is logged.
/// </summary>
internal sealed partial class ProtectionControl(
    OverrideSettings overrides, IConfiguration settings, IValidateOptions<ProtectionOptions> validator, IOptionsMonitor<ProtectionOptions> options,
    ILogger<ProtectionControl> log)
{
    private const int MaxValues = 1000;
    private const int MaxLength = 200;
    private const int MaxProblems = 20;

    /// <summary>What holds now.</summary>
    public ProtectionOptions Options => options.CurrentValue;

    /// <summary>What was changed since the start, by key.</summary>
    public IReadOnlyDictionary<string, string?> Changed => overrides.Present;

    /// <summary>Takes a change over; null as a value takes earlier changes of that setting, or of that part, back.</summary>
    /// <returns>What is wrong with it; empty: it holds from now on.</returns>
    public IReadOnlyList<string> Change(JsonElement change, IPAddress? by)
    {
        var values = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        var problems = new List<string>();
        try
        {
            Flatten(change, ProtectionOptions.Section, values, problems);
        }
        catch (InvalidOperationException)
        {
            // Only who reads a name or a value sees that it has half a character in it.
            problems.Add("The body has something in it that is no text.");
        }
        return problems.Count > 0 ? Refused(by, problems) : Replace(by, values, problems);
    }

    /// <summary>Takes all changes back.</summary>
    /// <returns>What is wrong with the settings without them: then they stay.</returns>
    public IReadOnlyList<string> Reset(IPAddress? by) => Replace(by, new() { [ProtectionOptions.Section] = null }, []);

    private List<string> Replace(IPAddress? by, Dictionary<string, string?> values, List<string> problems)
    {
        overrides.TryReplace(present =>
        {
            var next = new Dictionary<string, string?>(present, StringComparer.OrdinalIgnoreCase);
            foreach (var (key, value) in values)
            {
                if (value is not null) next[key] = value;
                else foreach (var taken in next.Keys.Where(changed => IsIn(changed, key))) next.Remove(taken);
            }
            problems.AddRange(FindProblems(next));
            return problems.Count == 0 ? next : null;
        });
        if (problems.Count > 0) return Refused(by, problems);
        foreach (var (key, value) in values) LogChange(by, key, value ?? "(as before)");
        return [];
    }

    private static bool IsIn(string key, string part) =>
        key.StartsWith(part, StringComparison.OrdinalIgnoreCase) && (key.Length == part.Length || key[part.Length] == ':');

    private List<string> Refused(IPAddress? by, List<string> problems)
    {
        LogRefused(by, problems[0]);
        return problems;
    }

    private static void Flatten(JsonElement element, string path, Dictionary<string, string?> values, List<string> problems)
    {
        if (problems.Count >= MaxProblems) return;
        if (values.Count > MaxValues || element.ValueKind == JsonValueKind.Array) problems.Add($"{path}: a change is an object of at most {MaxValues} settings.");
        else if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in element.EnumerateObject())
            {
                if (property.Name.Length is 0 or > MaxLength || property.Name.Contains(':', StringComparison.Ordinal)) problems.Add($"{path}: no setting has this name.");
                else Flatten(property.Value, $"{path}:{property.Name}", values, problems);
            }
        }
        else if (path == ProtectionOptions.Section) problems.Add("A change is an object, like {\"Admission\": {\"DryRun\": true}}.");
        else if (element.ToString() is { Length: > MaxLength }) problems.Add($"{path}: the value is too long.");
        else values[path] = element.ValueKind == JsonValueKind.Null ? null : element.ToString();
    }

    private List<string> FindProblems(IReadOnlyDictionary<string, string?> next)
    {
        // As everything would be, without the changes so far but with these.
        var then = new ConfigurationBuilder().AddInMemoryCollection(WithoutChanges()).AddInMemoryCollection(next).Build();
        try
        {
            var bound = new ProtectionOptions();
            then.GetSection(ProtectionOptions.Section).Bind(bound, binder => binder.ErrorOnUnknownConfiguration = true);
            return [.. validator.Validate(null, bound).Failures ?? []];
        }
        catch (InvalidOperationException unreadable)
        {
            // In a dictionary the one that names the setting is inside.
            return [(unreadable.InnerException as InvalidOperationException ?? unreadable).Message];
        }
    }

    // Also of what is changed: that comes to light again when the change is taken back.
    private IEnumerable<KeyValuePair<string, string?>> WithoutChanges()
    {
        var sources = ((IConfigurationRoot)settings).Providers.Where(source => source != overrides).Reverse().ToList();
        foreach (var (key, _) in settings.GetSection(ProtectionOptions.Section).AsEnumerable())
        {
            string? value = null;
            if (sources.Exists(source => source.TryGet(key, out value)) && value is not null) yield return new(key, value);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "The governor's caller at {Address} set {Key} to {Value}")]
    private partial void LogChange(IPAddress? address, string key, string value);

    [LoggerMessage(2, LogLevel.Information, "A change by the governor's caller at {Address} was refused: {Problem}")]
    private partial void LogRefused(IPAddress? address, string problem);
}
