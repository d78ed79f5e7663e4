using System.Text.RegularExpressions;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>Every page whose figures depend on the machine says what docs/results/README.md promises: commit, machine, command.</summary>
public sealed partial class ResultPageTests
{
    // No figures, outcomes that tests hold, a simulation with fixed seeds that tests hold: no machine changes them.
    private static readonly string[] s_sameEverywhere = ["docs/results/README.md", "docs/results/interop.md", "docs/results/balancing.md", "docs/results/breaker.md", "docs/results/overload-simulation.md"];

    [Fact]
    public void Every_page_of_measurements_names_its_commit_machine_and_command()
    {
        var pages = Repository.Files(".md").Where(page => page.Path.StartsWith("docs/results/", StringComparison.Ordinal) && !s_sameEverywhere.Contains(page.Path)).ToList();
        Assert.NotEmpty(pages);
        Rule.Holds(pages.SelectMany(Missing), "Make the page with its benchmark, which writes this line (tests/FeedMall.Benchmarks/Conditions.cs):");
    }

    [Theory]
    [InlineData("Made by `x`.\nCommit `0123abc`, Some CPU, 2 cores, 4 GB, .NET 10.0.1.", 0)]
    [InlineData("Commit `0123abc`, Some CPU, 2 cores.", 1)]
    [InlineData("Made by `x` on 2 cores.", 1)]
    [InlineData("Made by `x` from commit `main`.", 2)]
    public void A_page_that_does_not_say_where_it_comes_from_is_found(string text, int findings) =>
        Assert.Equal(findings, Missing(new RepositoryFile("docs/results/a.md", text)).Count());

    private static IEnumerable<string> Missing(RepositoryFile page)
    {
        if (!Commit().IsMatch(page.Text)) yield return $"{page.Path}: commit";
        if (!Machine().IsMatch(page.Text)) yield return $"{page.Path}: machine";
        if (!page.Text.Contains("Made by `", StringComparison.Ordinal)) yield return $"{page.Path}: command";
    }

    [GeneratedRegex("Commit `[0-9a-f]{7,40}`")]
    private static partial Regex Commit();

    [GeneratedRegex(@"\d+ cores")]
    private static partial Regex Machine();
}
