using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>The wall clock, sleeping, chance, the console and blocking waits are build errors in every room.</summary>
public sealed partial class BannedSymbolTests
{
    // Where a ban may be lifted, and why.
    private static readonly Dictionary<string, string> s_mayLift = new()
    {
        ["Resilience/SystemChance.cs"] = "the one implementation of IChance for production",
        ["AllInOne/StartUpTable.cs"] = "the table of addresses is the one thing that a person reads on the console",
        ["ServiceDefaults/ServiceRunner.cs"] = "the edge of the process: one clear line on standard error when it cannot start",
    };

    [Fact]
    public async Task Every_room_is_built_with_the_bans()
    {
        var findings = new List<string>();
        foreach (var room in Repository.Rooms())
            findings.AddRange(Findings(room, await EvaluateAsync($"{room}/{room}.csproj")));
        Rule.Holds(findings, "Let Directory.Build.props give the room its analyzer and its BannedSymbols.txt:");
    }

    [Theory]
    [InlineData("""{"Items":{"PackageReference":[],"AdditionalFiles":[{"Filename":"BannedSymbols"}]}}""", "no analyzer")]
    [InlineData("""{"Items":{"PackageReference":[{"Identity":"Microsoft.CodeAnalysis.BannedApiAnalyzers"}],"AdditionalFiles":[]}}""", "no BannedSymbols.txt")]
    [InlineData("""
        {"Properties":{"NoWarn":"1701;RS0030"},"Items":{"PackageReference":[{"Identity":"Microsoft.CodeAnalysis.BannedApiAnalyzers"}],
        "AdditionalFiles":[{"Filename":"BannedSymbols"}]}}
        """, "RS0030 is off")]
    public void A_room_without_the_bans_is_found(string evaluated, string finding)
    {
        using var project = JsonDocument.Parse(evaluated);
        Assert.Contains(finding, Assert.Single(Findings("Cellar", project.RootElement)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_ban_is_lifted_only_at_the_outermost_edge() =>
        Rule.Holds(Repository.RoomSources().SelectMany(Lifted), "Use the clock, chance or logger that the container hands you, and delete the suppression:");

    [Theory]
    [InlineData("#pragma warning disable RS0030")]
    [InlineData("[SuppressMessage(\"ApiDesign\", \"RS0030\")]")]
    [InlineData("#pragma warning disable CS1591, RS0030 // because")]
    [InlineData("#pragma warning disable")]
    public void A_lifted_ban_is_found(string line) => Assert.Single(Lifted(new RepositoryFile("Bff/BffApp.cs", line + "\n")));

    [Fact]
    public void Every_line_of_the_list_names_something_that_exists() =>
        Rule.Holds(Bans().Where(ban => !Exists(ban)), "The analyzer ignores a name that does not exist, so correct it in BannedSymbols.txt:");

    [Fact]
    public void A_misspelt_ban_is_found()
    {
        Assert.False(Exists("M:System.Threading.Thread.Sleep(System.Int64)"));
        Assert.True(Exists("M:System.Threading.Thread.Sleep(System.Int32)"));
    }

    [Fact]
    public void No_overload_of_a_banned_act_is_left_out()
    {
        var bans = Bans().ToHashSet();
        var all = typeof(Random).GetConstructors().Cast<MethodBase>()
            .Concat(Methods(typeof(Thread), nameof(Thread.Sleep)))
            .Concat(Methods(typeof(Task), nameof(Task.Wait)))
            .Concat(Methods(typeof(Task), nameof(Task.WaitAll)))
            .Concat(Methods(typeof(Task), nameof(Task.WaitAny)))
            .Concat(Methods(typeof(Task), nameof(Task.Delay)).Where(method => method.GetParameters().All(p => p.ParameterType != typeof(TimeProvider))));
        Rule.Holds(all.Select(Id).Where(id => !bans.Contains(id)), "Add the missing overload to BannedSymbols.txt:");
    }

    private static IEnumerable<MethodBase> Methods(Type type, string name) =>
        type.GetMethods().Where(method => method.Name == name);

    // The name as the documentation format writes it: only what the methods above need.
    private static string Id(MethodBase method)
    {
        var parameters = string.Join(',', method.GetParameters().Select(parameter => Name(parameter.ParameterType)));
        return $"M:{method.DeclaringType!.FullName}.{method.Name.Replace('.', '#')}{(parameters.Length == 0 ? "" : $"({parameters})")}";

        static string Name(Type type) => type.IsGenericType
            ? $"{type.Namespace}.{type.Name[..^2]}{{{string.Join(',', type.GetGenericArguments().Select(Name))}}}"
            : type.FullName!;
    }

    private static IEnumerable<string> Bans() =>
        Repository.Read("BannedSymbols.txt").Text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(';')[0].Trim()).Where(line => !line.StartsWith("//", StringComparison.Ordinal));

    private static bool Exists(string id) => DocumentationCommentId.GetFirstSymbolForDeclarationId(id, s_framework) is not null;

    private static readonly CSharpCompilation s_framework = CSharpCompilation.Create("framework", references:
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is var name && (name.StartsWith("System.", StringComparison.Ordinal) || name == "netstandard.dll"))
            .Select(path => MetadataReference.CreateFromFile(path)));

    private static IEnumerable<string> Lifted(RepositoryFile file) =>
        file.Name == "Program.cs" || s_mayLift.ContainsKey(file.Path)
            ? []
            : Suppression().Matches(file.Text).Select(match => $"{file.Path}: {match.Value.Trim()}");

    [GeneratedRegex(@"^.*(RS0030|#pragma\s+warning\s+disable\s*$).*", RegexOptions.Multiline)]
    private static partial Regex Suppression();

    private static async Task<JsonElement> EvaluateAsync(string project)
    {
        var (code, output) = await Shell.RunAsync("dotnet",
            ["msbuild", project, "-getItem:AdditionalFiles", "-getItem:PackageReference", "-getProperty:NoWarn", "-getProperty:TreatWarningsAsErrors"]);
        Assert.True(code == 0, output);
        using var document = JsonDocument.Parse(output);
        return document.RootElement.Clone();
    }

    private static IEnumerable<string> Findings(string room, JsonElement project)
    {
        var items = project.GetProperty("Items");
        if (!Has(items, "PackageReference", "Identity", "Microsoft.CodeAnalysis.BannedApiAnalyzers")) yield return $"{room}: no analyzer";
        if (!Has(items, "AdditionalFiles", "Filename", "BannedSymbols")) yield return $"{room}: no BannedSymbols.txt";
        if (project.TryGetProperty("Properties", out var properties) &&
            properties.GetProperty("NoWarn").GetString()!.Contains("RS0030", StringComparison.Ordinal)) yield return $"{room}: RS0030 is off";
    }

    private static bool Has(JsonElement items, string kind, string field, string value) =>
        items.TryGetProperty(kind, out var list) && list.EnumerateArray().Any(item => item.GetProperty(field).GetString() == value);
}
