using System.Reflection;
using System.Text.RegularExpressions;
using FeedMall.Proto.Feed.V1;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>In the services, a file's name says where routes, gRPC methods, SQL and key-value calls are to be found.</summary>
public sealed partial class PlacementTests
{
    // "path" → why routes, SQL or key-value calls may stand there.
    private static readonly Dictionary<string, string> s_exceptions = [];

    [Fact]
    public void Routes_SQL_and_key_value_calls_stand_in_the_files_named_for_them()
    {
        var sources = ServiceSources().ToList();
        Assert.NotEmpty(sources);
        Rule.Holds(sources.Where(file => !s_exceptions.ContainsKey(file.Path)).SelectMany(Findings), "Move it to the file that is named for it:");
    }

    [Fact]
    public void Classes_on_a_generated_base_are_called_Service_and_stand_in_a_file_of_that_name() =>
        Rule.Holds(Repository.RoomAssemblies().SelectMany(assembly => assembly.GetTypes())
            .SelectMany(type => StrayService(type, Repository.Paths())), "Call the class XxxService and its file XxxService.cs:");

    [Theory]
    [InlineData("Bff/BffApp.cs", "app.MapGet(\"/x\", Get);", "MapGet")]
    [InlineData("Bff/BffApp.cs", "app.MapGroup(\"/x\").MapPost(\"/y\", Post);", "MapPost")]
    [InlineData("Bff/BffApp.cs", "app.MapFallback(Any);", "MapFallback")]
    [InlineData("Domain.Feed/Posts/PostsService.cs", "Run(\"SELECT id FROM posts\");", "SELECT id FROM posts")]
    [InlineData("Domain.Feed/Posts/PostsService.cs", "Run($\"DELETE FROM {table}\");", "DELETE FROM")]
    [InlineData("Domain.Feed/Posts/PostsService.cs", "Run(\"\"\"\n  insert into posts (id) values (@id)\n  \"\"\");", "insert into posts (id) values (@id)")]
    [InlineData("Domain.Feed/Posts/PostsService.cs", "Run(\"UPDATE posts\\nSET x = 1\");", "UPDATE posts")]
    [InlineData("Domain.Feed/Posts/PostsService.cs", "using StackExchange.Redis;", "StackExchange.Redis")]
    public void A_line_in_the_wrong_file_is_found(string path, string code, string finding) =>
        Assert.Contains(finding, Assert.Single(Findings(new RepositoryFile(path, code))), StringComparison.Ordinal);

    [Theory]
    [InlineData("Bff/Feed/PostEndpoints.cs", "app.MapGet(\"/x\", Get);")]
    [InlineData("Bff/BffApp.cs", "app.MapGroup(\"/v1\"); app.MapGrpcService<A>(); var map = items.Map;")]
    [InlineData("Domain.Feed/Posts/PostStore.cs", "Run(\"SELECT id FROM posts\");")]
    [InlineData("Domain.Feed/Posts/PostsService.cs", "Say(\"Delete the post\"); Say(\"Select one of: a, b\"); Say(\"The update of posts\");")]
    [InlineData("Domain.Feed/Posts/PostCache.cs", "using StackExchange.Redis;")]
    public void A_line_in_the_right_file_is_left_alone(string path, string code) => Assert.Empty(Findings(new RepositoryFile(path, code)));

    [Fact]
    public void A_stray_service_is_found()
    {
        Assert.Contains("StrayPosts", Assert.Single(StrayService(typeof(StrayPosts), [])), StringComparison.Ordinal);
        Assert.Contains("PostsService.cs", Assert.Single(StrayService(typeof(PostsService), ["Domain.Feed/Posts.cs"])), StringComparison.Ordinal);
        Assert.Empty(StrayService(typeof(PostsService), ["Domain.Feed/Posts/PostsService.cs"]));
    }

    private sealed class StrayPosts : Posts.PostsBase;

    private sealed class PostsService : Posts.PostsBase;

    private static IEnumerable<RepositoryFile> ServiceSources() => Repository.RoomSources().Where(file =>
        file.Path.StartsWith("Bff/", StringComparison.Ordinal) || file.Path.StartsWith("IdGen/", StringComparison.Ordinal) ||
        file.Path.StartsWith("Domain.", StringComparison.Ordinal));

    private static IEnumerable<string> Findings(RepositoryFile file)
    {
        foreach (var node in file.Syntax().DescendantNodes())
        {
            var finding = node switch
            {
                InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: var name } call }
                    when RouteCall().IsMatch(name) && !Is(file, "Endpoints") => $"{call.Name} outside of *Endpoints.cs",
                LiteralExpressionSyntax literal when literal.IsKind(SyntaxKind.StringLiteralExpression)
                    && IsSql(literal.Token.ValueText) && !IsStore(file) => $"SQL outside of *Store.cs: {FirstLine(literal.Token.ValueText)}",
                InterpolatedStringExpressionSyntax text when IsSql(string.Concat(text.Contents)) && !IsStore(file) =>
                    $"SQL outside of *Store.cs: {FirstLine(string.Concat(text.Contents))}",
                UsingDirectiveSyntax import when import.Name?.ToString() == "StackExchange.Redis" && !Is(file, "Cache") =>
                    "StackExchange.Redis outside of *Cache.cs",
                _ => null,
            };
            if (finding is not null) yield return $"{file.Path}: {finding}";
        }
    }

    private static IEnumerable<string> StrayService(Type type, IEnumerable<string> paths)
    {
        var isService = type.BaseType?.GetCustomAttributes().Any(mark => mark.GetType().Name == "BindServiceMethodAttribute") == true;
        if (!isService) yield break;
        if (!type.Name.EndsWith("Service", StringComparison.Ordinal)) yield return $"{type.FullName} derives from {type.BaseType!.Name}";
        else if (!paths.Any(path => path.EndsWith($"/{type.Name}.cs", StringComparison.Ordinal))) yield return $"no file {type.Name}.cs for {type.FullName}";
    }

    private static bool Is(RepositoryFile file, string suffix) => file.Name.EndsWith($"{suffix}.cs", StringComparison.Ordinal);

    private static bool IsStore(RepositoryFile file) => Is(file, "Store") || Is(file, "Database") || Is(file, "Outbox");

    private static bool IsSql(string text) => Sql().IsMatch(text);

    private static string FirstLine(string text) => text.Trim().Split('\n')[0].Trim();

    [GeneratedRegex("^Map(Get|Post|Put|Patch|Delete|Methods|Fallback|FallbackToFile)$")]
    private static partial Regex RouteCall();

    [GeneratedRegex(@"^\s*select\b[\s\S]+\bfrom\s|\binsert\s+into\s|\bupdate\s+\S+\s+set\s|\bdelete\s+from\s|\bcreate\s+(table|index|unique)\s", RegexOptions.IgnoreCase)]
    private static partial Regex Sql();
}
