using System.Text.RegularExpressions;
using FeedMall.Resilience;
using FeedMall.Tests.House;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace FeedMall.Tests.Resilience;

/// <summary>The examples in the room's README are what people copy: each must compile against the room as it is.</summary>
public sealed partial class ReadmeExampleTests
{
    private static readonly string s_usings = string.Concat(
        typeof(IChance).Assembly.GetExportedTypes().Select(type => type.Namespace).Distinct().Prepend("System").Append("System.Collections.Generic")
            .Append("System.Linq").Append("System.Threading").Append("System.Threading.Tasks")
            // What the Web SDK adds.
            .Append("Microsoft.AspNetCore.Builder").Append("Microsoft.AspNetCore.Http").Append("Microsoft.Extensions.DependencyInjection").Select(name => $"using {name};\n"));

    private static readonly MetadataReference[] s_references =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path).Split('.')[0] is "System" or "Microsoft" or "Polly" or "Resilience").Select(path => MetadataReference.CreateFromFile(path)),
    ];

    public static TheoryData<string> Examples() => [.. Blocks(Repository.Read("Resilience/README.md").Text)];

    [Theory]
    [MemberData(nameof(Examples))]
    public void An_example_in_the_readme_compiles(string example) => Assert.Equal([], Errors(example));

    [Fact]
    public void Every_class_of_the_table_is_in_an_example()
    {
        var readme = Repository.Read("Resilience/README.md").Text;
        var examples = string.Concat(Blocks(readme));
        var inRows = TableRow().Matches(readme).SelectMany(row => ClassName().Matches(row.Groups[1].Value)).Select(name => name.Groups[1].Value).ToList();
        Assert.NotEmpty(inRows);
        Assert.Equal([], inRows.Where(name => !examples.Contains(name, StringComparison.Ordinal)));
    }

    [Fact]
    public void An_example_that_names_what_does_not_exist_is_found()
    {
        Assert.NotEmpty(Errors("var balancer = new NoSuchBalancer();"));
        Assert.Equal(["var a = 1;\nvar b = 2;\n"], Blocks("Text\n```csharp\nvar a = 1;\nvar b = 2;\n```\nmore"));
    }

    // Each example is the body of a method that has a token at hand; namespaces of others come first.
    private static IEnumerable<string> Errors(string example)
    {
        var usings = Usings().Match(example).Value;
        example = example[usings.Length..];
        var source = $"{s_usings}{usings}internal static class Example {{ private static async Task RunAsync(CancellationToken cancel) {{\n#line 1\n{example}\nawait Task.CompletedTask; }} }}";
        var compilation = CSharpCompilation.Create("Example", [CSharpSyntaxTree.ParseText(source)], s_references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        return compilation.GetDiagnostics().Where(finding => finding.Severity == DiagnosticSeverity.Error).Select(finding => finding.ToString());
    }

    private static IEnumerable<string> Blocks(string text) => CSharpBlock().Matches(text).Select(block => block.Groups[1].Value);

    [GeneratedRegex(@"^\| (`\w+`(?:, `\w+`)*) \|", RegexOptions.Multiline)]
    private static partial Regex TableRow();

    [GeneratedRegex(@"^(?:using [\w.]+;\s+)*")]
    private static partial Regex Usings();

    [GeneratedRegex(@"`(\w+)`")]
    private static partial Regex ClassName();

    [GeneratedRegex("^```csharp\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex CSharpBlock();
}
