using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace FeedMall.Tests.House;

/// <summary>A text file of the repository; the path is relative to its root, with forward slashes.</summary>
internal sealed record RepositoryFile(string Path, string Text)
{
    /// <summary>The file's name without its folders.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>The syntax of a C# file.</summary>
    public SyntaxNode Syntax() => CSharpSyntaxTree.ParseText(Text).GetRoot();
}

/// <summary>The repository that these tests were built from.</summary>
internal static class Repository
{
    private static readonly string[] s_generatedFolders =
        ["artifacts", "bin", "obj", ".git", ".data", "node_modules", "TestResults", "BenchmarkDotNet.Artifacts"];

    /// <summary>The folder that holds FeedMall.sln.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Every file that is not build output, as a relative path.</summary>
    public static IEnumerable<string> Paths() => Walk(Root).Select(Relative).Order(StringComparer.Ordinal);

    /// <summary>Every file with this ending.</summary>
    public static IEnumerable<RepositoryFile> Files(string ending) =>
        Paths().Where(path => path.EndsWith(ending, StringComparison.Ordinal)).Select(Read);

    /// <summary>Every C# file of the rooms, without the tests.</summary>
    public static IEnumerable<RepositoryFile> RoomSources() =>
        Files(".cs").Where(file => !file.Path.StartsWith("tests/", StringComparison.Ordinal));

    /// <summary>The names of all rooms: folders of the root that hold a project of the same name.</summary>
    public static IEnumerable<string> Rooms() =>
        Directory.GetDirectories(Root).Select(path => Path.GetFileName(path)!)
            .Where(name => Exists($"{name}/{name}.csproj")).Order(StringComparer.Ordinal);

    /// <summary>The built code of the rooms. proto is left out: every line of it is generated.</summary>
    public static IEnumerable<Assembly> RoomAssemblies() => Rooms().Where(room => room != "proto").Select(Assembly.Load);

    /// <summary>One file.</summary>
    public static RepositoryFile Read(string path) => new(path, File.ReadAllText(Path.Combine(Root, path)));

    /// <summary>Whether a file or folder is there.</summary>
    public static bool Exists(string path) => Path.Exists(Path.Combine(Root, path));

    private static string Relative(string path) => Path.GetRelativePath(Root, path).Replace('\\', '/');

    private static IEnumerable<string> Walk(string folder) =>
        Directory.GetFiles(folder).Concat(Directory.GetDirectories(folder)
            .Where(child => !s_generatedFolders.Contains(Path.GetFileName(child)))
            .SelectMany(Walk));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FeedMall.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"No FeedMall.sln above {AppContext.BaseDirectory}.");
    }
}
