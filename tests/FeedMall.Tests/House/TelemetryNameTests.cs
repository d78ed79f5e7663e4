using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>Metrics, spans and reasons are declared once and explained in docs/TELEMETRY.md.</summary>
public sealed partial class TelemetryNameTests
{
    // Files whose span names come from the call itself; docs/TELEMETRY.md shows their pattern.
    private static readonly Dictionary<string, string> s_namedByTheCall = new()
    {
        ["Rpc/Client/ClientChain.cs"] = "named after the gRPC method that is called: package.Service/Method",
    };

    // "path" → why texts that look like a reason stand there.
    private static readonly Dictionary<string, string> s_otherVocabularies = new()
    {
        ["Rpc/RpcTelemetry.cs"] = "the names of gRPC's status codes, as telemetry writes them; some are spelt like a reason",
    };

    [Fact]
    public void Metrics_and_spans_are_declared_once_and_documented()
    {
        var page = Repository.Read("docs/TELEMETRY.md").Text;
        var sources = Repository.RoomSources().ToList();
        Rule.Holds(Findings(sources, page).Where(finding => !s_namedByTheCall.Keys.Any(path => finding.StartsWith(path + ": the name", StringComparison.Ordinal))),
            "Declare the name once, as a text or a constant, and add its row to docs/TELEMETRY.md:");
    }

    [Fact]
    public void Reasons_are_declared_once_and_documented()
    {
        var reasons = Reasons().ToList();
        Assert.NotEmpty(reasons);
        Rule.Holds(ReasonFindings(reasons, Repository.Read("docs/TELEMETRY.md").Text), "A reason is declared in one class and has a row in docs/TELEMETRY.md:");
    }

    [Fact]
    public void Every_documented_reason_exists()
    {
        var declared = Reasons().Select(reason => reason.Value).ToHashSet();
        Rule.Holds(DocumentedReasons(Repository.Read("docs/TELEMETRY.md").Text).Where(reason => !declared.Contains(reason)),
            "Correct or remove the row in docs/TELEMETRY.md: no *Reasons class declares it:");
    }

    [Fact]
    public void Reasons_are_written_only_where_they_are_declared()
    {
        var declared = Reasons().Select(reason => reason.Value).ToHashSet();
        Rule.Holds(Repository.RoomSources().Where(file => !s_otherVocabularies.ContainsKey(file.Path)).SelectMany(file => RepeatedReasons(file, declared)), "Use the constant instead of the text:");
    }

    [Theory]
    [InlineData("m.CreateCounter<long>(\"a.b\");", "a.b is not in docs/TELEMETRY.md")]
    [InlineData("m.CreateCounter<long>(\"known\"); m.CreateHistogram<double>(\"known\");", "known is declared 2 times")]
    [InlineData("const string Name = \"a.c\"; m.CreateObservableGauge(Name, F);", "a.c is not in docs/TELEMETRY.md")]
    [InlineData("s.StartActivity(\"work\");", "work is not in docs/TELEMETRY.md")]
    [InlineData("s.StartActivity(Name());", "the name Name() cannot be read")]
    public void A_stray_name_is_found(string code, string finding) =>
        Assert.Contains(finding, Assert.Single(Findings([new RepositoryFile("Bff/A.cs", code)], "| `known` | counter |")), StringComparison.Ordinal);

    [Fact]
    public void A_stray_reason_is_found()
    {
        Assert.Equal(2, ReasonFindings([("A.One", "ONE_THING"), ("B.Uno", "ONE_THING")], "| `ONE_THING` |").Count());
        Assert.Contains("not in docs", Assert.Single(ReasonFindings([("A.Two", "TWO_THINGS")], "| `ONE_THING` |")), StringComparison.Ordinal);
        Assert.Contains("UPPER_SNAKE", Assert.Single(ReasonFindings([("A.Three", "threeThings")], "| `threeThings` |")), StringComparison.Ordinal);
        Assert.Single(RepeatedReasons(new RepositoryFile("Bff/A.cs", "throw new E(\"ONE_THING\");"), new HashSet<string> { "ONE_THING" }));
        Assert.Equal(["INTERNAL", "ONE_THING"], DocumentedReasons("## Metrics\n| `X` |\n## Reason codes\n| `INTERNAL` | `NOT_FIRST` |\n| `ONE_THING` |"));
    }

    private static IEnumerable<string> Findings(IReadOnlyList<RepositoryFile> sources, string page)
    {
        var names = new List<(string Path, string Name)>();
        foreach (var file in sources)
        {
            foreach (var call in file.Syntax().DescendantNodes().OfType<InvocationExpressionSyntax>())
            {
                if (call.Expression is not MemberAccessExpressionSyntax { Name.Identifier.Text: var method } || !NamingCall().IsMatch(method)) continue;
                if (call.ArgumentList.Arguments.FirstOrDefault()?.Expression is not { } first) continue;
                if (Value(first, sources) is { } name) names.Add((file.Path, name));
                else yield return $"{file.Path}: the name {first} cannot be read";
            }
        }
        foreach (var group in names.GroupBy(item => item.Name))
        {
            if (group.Count() > 1) yield return $"{group.Key} is declared {group.Count()} times: {string.Join(", ", group.Select(item => item.Path).Distinct())}";
            if (!page.Contains($"`{group.Key}`", StringComparison.Ordinal)) yield return $"{group.Key} is not in docs/TELEMETRY.md ({group.First().Path})";
        }
    }

    private static string? Value(ExpressionSyntax expression, IEnumerable<RepositoryFile> sources) => expression switch
    {
        LiteralExpressionSyntax literal when literal.IsKind(SyntaxKind.StringLiteralExpression) => literal.Token.ValueText,
        IdentifierNameSyntax constant => Constant(constant.Identifier.Text, sources),
        MemberAccessExpressionSyntax member => Constant(member.Name.Identifier.Text, sources),
        _ => null,
    };

    private static string? Constant(string name, IEnumerable<RepositoryFile> sources)
    {
        var values = sources.Where(file => file.Text.Contains($"const string {name} ", StringComparison.Ordinal))
            .SelectMany(file => file.Syntax().DescendantNodes().OfType<VariableDeclaratorSyntax>())
            .Where(variable => variable.Identifier.Text == name)
            .Select(variable => (variable.Initializer?.Value as LiteralExpressionSyntax)?.Token.ValueText).Distinct().ToList();
        return values is [var only] ? only : null;
    }

    private static IEnumerable<(string Name, string Value)> Reasons() =>
        from assembly in Repository.RoomAssemblies()
        from type in assembly.GetTypes()
        where type.IsAbstract && type.IsSealed && type.Name.EndsWith("Reasons", StringComparison.Ordinal)
        from field in type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
        where field.IsLiteral && field.FieldType == typeof(string)
        select ($"{type.Name}.{field.Name}", (string)field.GetRawConstantValue()!);

    private static IEnumerable<string> ReasonFindings(IEnumerable<(string Name, string Value)> reasons, string page)
    {
        foreach (var group in reasons.GroupBy(reason => reason.Value))
        {
            if (group.Count() > 1) foreach (var (name, value) in group) yield return $"{value} is declared as {name} and again";
            if (!UpperSnake().IsMatch(group.Key)) yield return $"{group.Key} ({group.First().Name}) is not UPPER_SNAKE";
            if (!page.Contains($"`{group.Key}`", StringComparison.Ordinal)) yield return $"{group.Key} ({group.First().Name}) is not in docs/TELEMETRY.md";
        }
    }

    private static IEnumerable<string> DocumentedReasons(string page)
    {
        var start = page.IndexOf("## Reason codes", StringComparison.Ordinal);
        return page[start..].Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .SelectMany(line => Code().Matches(line.Split('|')[1])).Select(match => match.Groups[1].Value);
    }

    private static IEnumerable<string> RepeatedReasons(RepositoryFile file, HashSet<string> declared) =>
        file.Name.EndsWith("Reasons.cs", StringComparison.Ordinal) ? [] : file.Syntax().DescendantNodes().OfType<LiteralExpressionSyntax>()
            .Where(literal => literal.IsKind(SyntaxKind.StringLiteralExpression) && declared.Contains(literal.Token.ValueText))
            .Select(literal => $"{file.Path}: \"{literal.Token.ValueText}\"");

    [GeneratedRegex("^(Create(Observable)?(Counter|UpDownCounter|Gauge|Histogram)|StartActivity|CreateActivity)$")]
    private static partial Regex NamingCall();

    [GeneratedRegex("^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$")]
    private static partial Regex UpperSnake();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();
}
