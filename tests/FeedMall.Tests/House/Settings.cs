using System.Reflection;
using System.Text.RegularExpressions;

namespace FeedMall.Tests.House;

/// <summary>The settings that the code knows, read from its options classes.</summary>
internal static partial class Settings
{
    // Keys that the framework reads, not a class of ours.
    private static readonly string[] s_ofTheFramework = ["Logging:LogLevel:<category>"];

    private static readonly string[] s_services = ["Bff", "Feed", "Mall", "Kv"];

    /// <summary>Every options class of the rooms; those that extend a class of the framework are the framework's.</summary>
    public static IEnumerable<Type> Types() => Repository.RoomAssemblies().SelectMany(assembly => assembly.GetTypes())
        .Where(type => type is { IsClass: true, IsAbstract: false } && type.BaseType == typeof(object)
            && type.Name.EndsWith("Options", StringComparison.Ordinal));

    /// <summary>The full keys of a class, such as "Bff:Url"; "{Service}" stands for the name of every service.</summary>
    public static IEnumerable<string> Keys(Type options)
    {
        var section = options.GetField("Section")?.GetRawConstantValue() as string;
        if (section is null) return [];
        return Values(options, section, Activator.CreateInstance(options)!).Select(value => value.Key);
    }

    /// <summary>What a setting is when nothing says otherwise; null when it is not set.</summary>
    public static object? DefaultOf(Type options, string key) =>
        Values(options, (string)options.GetField("Section")!.GetRawConstantValue()!, Activator.CreateInstance(options)!).Single(value => value.Key == key).Default;

    // Settings in parts: a property of a class *Settings is a part of its own, a dictionary of such has one for each name.
    private static IEnumerable<(string Key, object? Default)> Values(Type type, string path, object instance)
    {
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.SetMethod is { IsPublic: true }))
        {
            var (key, kind) = (path.Length == 0 ? property.Name : $"{path}:{property.Name}", property.PropertyType);
            var part = kind.IsGenericType && kind.GetGenericTypeDefinition() == typeof(Dictionary<,>) ? kind.GetGenericArguments()[1] : kind;
            if (!part.Name.EndsWith("Settings", StringComparison.Ordinal)) yield return (key, property.GetValue(instance));
            else if (part != kind) foreach (var value in Values(part, $"{key}:<name>", Activator.CreateInstance(part)!)) yield return value;
            else foreach (var value in Values(part, key, property.GetValue(instance)!)) yield return value;
        }
    }

    /// <summary>All keys with the services' names filled in.</summary>
    public static IReadOnlySet<string> AllKeys() => Types().SelectMany(Keys).SelectMany(FillIn).ToHashSet();

    /// <summary>The keys in the first column of a page's tables.</summary>
    public static IReadOnlySet<string> Documented(string page) => page.Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal))
        .SelectMany(line => Key().Matches(line.Split('|')[1])).Select(match => match.Groups[1].Value).ToHashSet();

    /// <summary>Whether a documented key is one of the code's.</summary>
    public static bool IsKnown(string key, IReadOnlySet<string> keys) =>
        s_ofTheFramework.Contains(key) || keys.Contains(key) || keys.SelectMany(FillIn).Contains(key);

    private static IEnumerable<string> FillIn(string key) => s_services.Select(service => key.Replace("{Service}", service, StringComparison.Ordinal)).Distinct();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Key();
}
