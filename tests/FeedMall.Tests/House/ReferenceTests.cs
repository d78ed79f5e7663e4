using System.Xml.Linq;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>Who may reference whom.</summary>
public sealed class ReferenceTests
{
    // A room may reference rooms with a lower number only, so a service never references another service.
    private static readonly Dictionary<string, int> s_levels = new()
    {
        ["Resilience"] = 0, ["Rpc"] = 1, ["Resilience.Polly"] = 1, ["proto"] = 2, ["ServiceDefaults"] = 3,
        ["Bff"] = 4, ["Domain.Feed"] = 4, ["Domain.Mall"] = 4, ["KvStore"] = 4, ["IdGen"] = 4, ["LoadBalancer"] = 4,
        ["AllInOne"] = 5,
    };

    [Fact]
    public void Rooms_reference_only_rooms_below_them()
    {
        var projects = Repository.Rooms().Select(room => Repository.Read($"{room}/{room}.csproj")).ToList();
        Assert.NotEmpty(projects);
        Rule.Holds(projects.SelectMany(Strays), "Remove the reference, or move the code to a room that both may use:");
    }

    [Fact]
    public void Every_project_stands_in_the_solution()
    {
        var solution = Repository.Read("FeedMall.sln").Text.Replace('\\', '/');
        Rule.Holds(Repository.Files(".csproj").Where(file => !solution.Contains($"\"{file.Path}\"", StringComparison.Ordinal)).Select(file => file.Path),
            "Add the project with 'dotnet sln FeedMall.sln add <path>', or test.sh does not build it:");
    }

    [Theory]
    [InlineData("Bff", "<ProjectReference Include=\"../Domain.Feed/Domain.Feed.csproj\" />", "Bff (4) references Domain.Feed (4)")]
    [InlineData("Rpc", "<ProjectReference Include=\"../proto/proto.csproj\" />", "Rpc (1) references proto (2)")]
    [InlineData("Bff", "<ProjectReference Include=\"..\\tests\\FeedMall.Testing\\FeedMall.Testing.csproj\" />", "Bff references FeedMall.Testing")]
    [InlineData("Cellar", "", "Cellar has no level")]
    [InlineData("Resilience", "<PackageReference Include=\"Polly\" />", "Resilience references Polly")]
    [InlineData("Resilience", "<FrameworkReference Include=\"Microsoft.AspNetCore.App\" />", "Resilience references Microsoft.AspNetCore.App")]
    public void A_stray_reference_is_found(string room, string reference, string finding)
    {
        var project = new RepositoryFile($"{room}/{room}.csproj",
            $"<Project Sdk=\"Microsoft.NET.Sdk\"><ItemGroup>{reference}</ItemGroup></Project>");
        Assert.StartsWith(finding, Assert.Single(Strays(project)), StringComparison.Ordinal);
    }

    private static IEnumerable<string> Strays(RepositoryFile project)
    {
        var room = Path.GetFileNameWithoutExtension(project.Name);
        if (!s_levels.TryGetValue(room, out var level))
        {
            yield return $"{room} has no level: add it to the table in {nameof(ReferenceTests)} and in CONTRIBUTING.md";
            yield break;
        }
        var xml = XDocument.Parse(project.Text);
        foreach (var other in Included(xml, "ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path.Replace('\\', '/'))))
        {
            if (!s_levels.TryGetValue(other, out var below)) yield return $"{room} references {other}, which is no room";
            else if (below >= level) yield return $"{room} ({level}) references {other} ({below})";
        }
        if (room != "Resilience") yield break;
        foreach (var package in Included(xml, "PackageReference").Concat(Included(xml, "FrameworkReference")))
            yield return $"Resilience references {package}: it lives on the base class library alone";
        if (xml.Root!.Attribute("Sdk")?.Value != "Microsoft.NET.Sdk") yield return "Resilience uses another SDK than Microsoft.NET.Sdk";
    }

    private static IEnumerable<string> Included(XDocument project, string element) =>
        project.Descendants(element).Select(item => item.Attribute("Include")?.Value ?? item.Attribute("Update")?.Value ?? "");
}
