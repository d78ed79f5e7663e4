using System.Text.RegularExpressions;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>Every path and command that README and docs name exists.</summary>
public sealed partial class DocumentTests
{
    // Paths that come into being only by running something.
    private static readonly string[] s_madeByRunning = [".data/", "artifacts/"];

    [Fact]
    public void Every_path_and_command_in_the_documents_exists()
    {
        var pages = Repository.Files(".md").ToList();
        Assert.Contains(pages, page => page.Path == "README.md");
        Rule.Holds(pages.SelectMany(page => Findings(page, Tree.OfTheRepository)), "Correct the page, or bring back what it names:");
    }

    [Theory]
    [InlineData("[a](docs/GONE.md)", "docs/GONE.md")]
    [InlineData("[a](docs/MAP.md#gone)", "#gone")]
    [InlineData("see `Bff/Gone.cs`", "Bff/Gone.cs")]
    [InlineData("see `Gone.cs`", "Gone.cs")]
    [InlineData("see `Bff/Feed/*Gone.cs`", "*Gone.cs")]
    [InlineData("see `Bff/Feed/PostEndpoints.Gone`", "PostEndpoints.Gone")]
    [InlineData("```sh\ndotnet run --project Gone\n```", "--project Gone")]
    [InlineData("```sh\n./gone.sh\n```", "./gone.sh")]
    [InlineData("```sh\n./test.sh --gone\n```", "--gone")]
    [InlineData("```sh\n./test.sh --room Gone\n```", "--room Gone")]
    [InlineData("run `./gone.sh` once", "./gone.sh")]
    [InlineData("```sh\nkubectl kustomize k8s/gone\n```", "k8s/gone")]
    public void What_is_not_there_is_found(string text, string finding) =>
        Assert.Contains(finding, Assert.Single(Findings(new RepositoryFile("README.md", text), s_sample)), StringComparison.Ordinal);

    [Theory]
    [InlineData("[a](docs/MAP.md#the-way-in) [b](#here)\n## Here\n")]
    [InlineData("see `Bff/Feed/PostEndpoints.cs`, `Bff/Feed/PostEndpoints.GetPost`, `Bff/Feed/PostEndpoints`, `Bff/Feed/*Endpoints.cs`, `PostEndpoints.cs`, `Bff/`")]
    [InlineData("see `/v1/feed/posts`, `application/json`, `a/b`, `Bff:Url`, `.data/feed.db`, [web](https://example.org/x)")]
    [InlineData("```sh\n# hello\ndotnet run --project Bff -- --Bff:Url=x\n./test.sh --room Bff\n./test.sh --class '*Like*' | tail\ncurl -s localhost/v1/x\n```")]
    public void What_is_there_is_left_alone(string text) => Assert.Empty(Findings(new RepositoryFile("README.md", text), s_sample));

    private static readonly Tree s_sample = new(new Dictionary<string, string>
    {
        ["README.md"] = "", ["docs/MAP.md"] = "## The way in\n", ["Bff/Bff.csproj"] = "", ["test.sh"] = "--room --class",
        ["Bff/Feed/PostEndpoints.cs"] = "GetPost", ["tests/FeedMall.Tests/Bff/PostTests.cs"] = "",
    });

    /// <summary>The paths of a repository and their texts.</summary>
    private sealed class Tree(IReadOnlyDictionary<string, string> files)
    {
        public static Tree OfTheRepository { get; } = new(Repository.Paths().ToDictionary(path => path, path =>
            path.EndsWith(".md", StringComparison.Ordinal) || path.EndsWith(".cs", StringComparison.Ordinal) || path.EndsWith(".sh", StringComparison.Ordinal)
                ? Repository.Read(path).Text : ""));

        public string? Text(string path) => files.GetValueOrDefault(path);

        public bool HasFolder(string path) => files.Keys.Any(file => file.StartsWith(path.TrimEnd('/') + "/", StringComparison.Ordinal));

        public bool HasRootEntry(string name) => files.ContainsKey(name) || HasFolder(name);

        public bool Has(string path)
        {
            if (path is "" or ".") return true;
            if (!path.Contains('*')) return files.ContainsKey(path) || HasFolder(path);
            var pattern = new Regex("^" + Regex.Escape(path).Replace("\\*\\*/", "(.*/)?", StringComparison.Ordinal).Replace("\\*", "[^/]*", StringComparison.Ordinal) + "$");
            return files.Keys.Any(file => pattern.IsMatch(file));
        }

        public bool HasFileNamed(string name) => files.Keys.Any(file => file == name || file.EndsWith("/" + name, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Findings(RepositoryFile page, Tree tree)
    {
        var blocks = Block().Matches(page.Text).Where(block => block.Groups[1].Value is "sh" or "bash").SelectMany(block => block.Groups[2].Value.Split('\n'));
        var prose = Block().Replace(page.Text, "");
        var inline = Code().Matches(prose).Select(match => match.Groups[1].Value).ToList();
        return Link().Matches(prose).SelectMany(match => LinkFindings(page, match.Groups[1].Value, tree))
            .Concat(inline.SelectMany(text => PathFindings(page, text, tree)))
            .Concat(blocks.Concat(inline).SelectMany(line => CommandFindings(line.Trim(), tree)))
            .Select(finding => $"{page.Path}: {finding}");
    }

    private static IEnumerable<string> LinkFindings(RepositoryFile page, string target, Tree tree)
    {
        if (target.Contains("://", StringComparison.Ordinal) || target.StartsWith("mailto:", StringComparison.Ordinal)) yield break;
        var parts = target.Split('#', 2);
        var path = parts[0].Length == 0 ? page.Path : Combine(Path.GetDirectoryName(page.Path)!, parts[0]);
        if (!tree.Has(path)) yield return $"link to {target}";
        else if (parts.Length > 1 && !Headings(parts[0].Length == 0 ? page.Text : tree.Text(path) ?? "").Contains(parts[1])) yield return $"no heading #{parts[1]} in {path}";
    }

    private static IEnumerable<string> PathFindings(RepositoryFile page, string text, Tree tree)
    {
        if (!PathLike().IsMatch(text) || s_madeByRunning.Any(start => text.StartsWith(start, StringComparison.Ordinal))) yield break;
        if (!text.Contains('/'))
        {
            if (FileName().IsMatch(text) && !tree.HasFileNamed(text)) yield return $"no file {text}";
            yield break;
        }
        var below = Combine(Path.GetDirectoryName(page.Path)!, text);
        if (!tree.HasRootEntry(text.Split('/')[0]) || tree.Has(text) || tree.Has(below) || tree.Has(text + ".cs")) yield break;
        // Folder/Class.Member
        var dot = text.LastIndexOf('.');
        if (dot > 0 && tree.Text(text[..dot] + ".cs")?.Contains(text[(dot + 1)..], StringComparison.Ordinal) == true) yield break;
        yield return $"no {text}";
    }

    private static IEnumerable<string> CommandFindings(string line, Tree tree)
    {
        if (Project().Match(line) is { Success: true } project && !tree.HasFolder(project.Groups[1].Value)) yield return project.Value;
        if (Script().Match(line) is { Success: true } script && tree.Text(script.Groups[1].Value) is null) yield return $"no ./{script.Groups[1].Value}";
        if (line.StartsWith("./test.sh", StringComparison.Ordinal))
        {
            foreach (Match option in Option().Matches(line))
                if (tree.Text("test.sh")?.Contains(option.Value, StringComparison.Ordinal) != true) yield return $"test.sh has no {option.Value}";
            if (Room().Match(line) is { Success: true } room && !RoomHasTests(room.Groups[1].Value, tree)) yield return $"no tests for {room.Value}";
        }
        if (Kustomize().Match(line) is { Success: true } folder && !tree.HasFolder(folder.Groups[1].Value)) yield return $"no folder {folder.Groups[1].Value}";
    }

    private static bool RoomHasTests(string room, Tree tree) =>
        tree.HasFolder($"tests/FeedMall.Tests/{room}") || tree.HasFolder($"tests/FeedMall.Tests/{room.Replace('.', '/')}");

    private static HashSet<string> Headings(string page) => Heading().Matches(page)
        .Select(match => NotInAnchor().Replace(match.Groups[1].Value.ToLowerInvariant(), "").Replace(' ', '-')).ToHashSet();

    private static string Combine(string folder, string path) =>
        Path.GetRelativePath("/", Path.GetFullPath(Path.Combine("/", folder, path))).Replace('\\', '/');

    [GeneratedRegex(@"```(\w*)\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex("`([^`\n]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"\[[^\]]*\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^[A-Za-z0-9_.][A-Za-z0-9_.\-/*]*$")]
    private static partial Regex PathLike();

    [GeneratedRegex(@"^[A-Za-z0-9_.\-]+\.(cs|sh|md|yml|yaml|proto|csproj|props|sln)$")]
    private static partial Regex FileName();

    [GeneratedRegex(@"--project (\S+)")]
    private static partial Regex Project();

    [GeneratedRegex(@"^(?:bash )?\./(\S+\.sh)")]
    private static partial Regex Script();

    [GeneratedRegex(@"(?<= )--[a-z]+")]
    private static partial Regex Option();

    [GeneratedRegex(@"--room (\S+)")]
    private static partial Regex Room();

    [GeneratedRegex(@"kubectl (?:kustomize|apply -k) (\S+)")]
    private static partial Regex Kustomize();

    [GeneratedRegex(@"^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchor();
}
