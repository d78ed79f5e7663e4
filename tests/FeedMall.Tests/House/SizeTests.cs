using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>Files and methods stay small enough to be read at once.</summary>
public sealed class SizeTests
{
    private const int MostLinesInFile = 400;
    private const int MostLinesInMethod = 60;

    // "path" or "path: method" → why it may be longer.
    private static readonly Dictionary<string, string> s_exceptions = [];

    [Fact]
    public void Files_and_methods_are_short()
    {
        var files = Repository.Files(".cs").ToList();
        Assert.NotEmpty(files);
        Rule.Holds(files.SelectMany(Findings).Where(finding => !s_exceptions.ContainsKey(finding.Where))
            .Select(finding => $"{finding.Where}: {finding.Lines} lines"),
            $"Cut it where its task changes (a file has at most {MostLinesInFile} lines, a method {MostLinesInMethod}):");
    }

    [Fact]
    public void A_long_file_is_found() =>
        Assert.Equal(("A.cs", 401), Assert.Single(Findings(new RepositoryFile("A.cs", new string('\n', 401)))));

    [Theory]
    [InlineData("class A(int x) { int[] _y = [x]; void M() { BODY } }")]
    [InlineData("class A { int P { get { BODY return field; } } }")]
    [InlineData("class A { public A() { BODY } }")]
    [InlineData("void M() { BODY } M();")]
    public void A_long_method_is_found(string code)
    {
        var longFile = new RepositoryFile("A.cs", code.Replace("BODY", new string('\n', 60), StringComparison.Ordinal));
        Assert.Equal(61, Assert.Single(Findings(longFile)).Lines);
        Assert.Empty(Findings(new RepositoryFile("A.cs", code.Replace("BODY", new string('\n', 59), StringComparison.Ordinal))));
    }

    private static IEnumerable<(string Where, int Lines)> Findings(RepositoryFile file)
    {
        var lines = file.Text.Count(letter => letter == '\n');
        if (lines > MostLinesInFile) yield return (file.Path, lines);

        var tree = CSharpSyntaxTree.ParseText(file.Text);
        foreach (var node in tree.GetRoot().DescendantNodes())
        {
            var name = node switch
            {
                MethodDeclarationSyntax method => method.Identifier.Text,
                BaseMethodDeclarationSyntax => "constructor or operator",
                LocalFunctionStatementSyntax function => function.Identifier.Text,
                AccessorDeclarationSyntax accessor => accessor.Keyword.Text,
                _ => null,
            };
            var span = tree.GetLineSpan(node.Span);
            var length = span.EndLinePosition.Line - span.StartLinePosition.Line + 1;
            if (name is not null && length > MostLinesInMethod) yield return ($"{file.Path}: {name}", length);
        }
    }
}
