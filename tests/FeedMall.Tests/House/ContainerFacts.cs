using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FeedMall.KvStore;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace FeedMall.Tests.House;

/// <summary>What the code says that container files may name.</summary>
internal sealed partial record ContainerFacts(
    IReadOnlySet<string> Keys, IReadOnlySet<string> Ports, IReadOnlySet<string> Programs, IReadOnlySet<string> Routes)
{
    // Environment variables that are read by others than our settings.
    private static readonly string[] s_framework = ["ASPNETCORE_HTTP_PORTS"];

    private const string PostgresPort = "5432";

    // It does not speak HTTP, so its port stands in no address.
    private static string StorePort => new KvOptions().Port.ToString(CultureInfo.InvariantCulture);

    /// <summary>Read from the options classes, the settings files, the routes and the projects.</summary>
    public static ContainerFacts OfTheRepository()
    {
        var settings = Repository.Files(".json").Where(file => file.Path.Count(letter => letter == '/') == 1).Select(file => file.Text);
        var routes = Repository.RoomSources().Where(file => file.Text.Contains("MapGet(", StringComparison.Ordinal))
            .SelectMany(file => file.Syntax().DescendantNodes().OfType<InvocationExpressionSyntax>())
            .Where(call => call.Expression.ToString().EndsWith(".MapGet", StringComparison.Ordinal))
            .Select(call => (call.ArgumentList.Arguments[0].Expression as LiteralExpressionSyntax)?.Token.ValueText).OfType<string>();
        var programs = Repository.Rooms().Where(room => Repository.Exists($"{room}/Program.cs")).Select(room => room + ".dll");
        return new ContainerFacts(Settings.AllKeys(), settings.SelectMany(PortsIn).Append(StorePort).ToHashSet(), programs.ToHashSet(), routes.ToHashSet());
    }

    /// <summary>The ports in a text's addresses.</summary>
    public static IEnumerable<string> PortsIn(string text) => AddressPort().Matches(text).Select(match => match.Groups[1].Value);

    /// <summary>What is wrong with an environment variable of one of our services.</summary>
    public IEnumerable<string> Environment(string name, string value)
    {
        if (!s_framework.Contains(name) && !Keys.Contains(name.Replace("__", ":", StringComparison.Ordinal)))
            yield return $"no setting {name.Replace("__", ":", StringComparison.Ordinal)}";
        foreach (var finding in Text(value)) yield return finding;
    }

    /// <summary>What is wrong with the ports, programs and paths in a text.</summary>
    public IEnumerable<string> Text(string text)
    {
        foreach (var port in PortsIn(text).Where(port => port != PostgresPort && !Ports.Contains(port))) yield return $"no service has port {port} by default";
        foreach (Match program in Program().Matches(text))
            if (!Programs.Contains(program.Value)) yield return $"no program {program.Value}";
        foreach (Match path in AddressPath().Matches(text))
            if (!Routes.Contains(path.Groups[1].Value)) yield return $"no route {path.Groups[1].Value}";
    }

    /// <summary>A value as it is when no variable is set that it can do without.</summary>
    public static string Unset(string value) => Variable().Replace(value, "$1");

    /// <summary>The key-value stores that a setting names: host and port of each, what is taken when a variable is not set included.</summary>
    public static IEnumerable<(string Host, string Port)> Stores(string name, string value) => !name.EndsWith("Cache__Addresses", StringComparison.Ordinal) ? [] :
        Unset(value).Split(',').Select(address => address.Split(':')).Select(parts => (parts[0], parts[^1]));

    /// <summary>Reads all documents of a YAML text; merge keys are resolved and every scalar is a string.</summary>
    public static IEnumerable<JsonNode> Yaml(string text)
    {
        var parser = new MergingParser(new Parser(new StringReader(text)));
        parser.Consume<YamlDotNet.Core.Events.StreamStart>();
        var reader = new DeserializerBuilder().Build();
        var writer = new SerializerBuilder().JsonCompatible().Build();
        while (parser.Accept<YamlDotNet.Core.Events.DocumentStart>(out _))
        {
            if (reader.Deserialize(parser) is { } document) yield return JsonNode.Parse(writer.Serialize(document))!;
        }
    }

    [GeneratedRegex(@"https?://[\w.\-]+:(\d+)")]
    private static partial Regex AddressPort();

    [GeneratedRegex(@"https?://[\w.\-]+(?::\d+)?(/\w+)")]
    private static partial Regex AddressPath();

    [GeneratedRegex(@"\$\{\w+:-([^}]*)\}")]
    private static partial Regex Variable();

    [GeneratedRegex(@"[\w.]+\.dll\b")]
    private static partial Regex Program();
}
