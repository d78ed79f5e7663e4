using System.Text.RegularExpressions;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>Names that say nothing are not used.</summary>
public sealed partial class NameTests
{
    private static readonly HashSet<string> s_forbidden = new(StringComparer.OrdinalIgnoreCase)
    {
        "Common", "Shared", "Util", "Utils", "Utilities", "Helper", "Helpers", "Manager", "Managers", "Misc",
    };

    private static readonly Dictionary<string, string> s_exceptions = new()
    {
        ["proto/common/v1/common.proto"] = "the public contract names the package feedmall.common.v1",
    };

    [Fact]
    public void Folders_projects_and_files_say_what_they_hold() =>
        Rule.Holds(Repository.Paths().Where(path => !s_exceptions.ContainsKey(path)).SelectMany(Findings),
            "Name it after what it does, or move its code to where it is used:");

    [Fact]
    public void Every_exception_still_exists() => Assert.All(s_exceptions.Keys, path => Assert.True(Repository.Exists(path), path));

    [Theory]
    [InlineData("Bff/Common/Text.cs")]
    [InlineData("Bff/StringUtils.cs")]
    [InlineData("Domain.Shared/Domain.Shared.csproj")]
    [InlineData("Bff/feed_helper.cs")]
    [InlineData("Bff/ConnectionManager.cs")]
    public void A_name_that_says_nothing_is_found(string path) => Assert.NotEmpty(Findings(path));

    [Theory]
    [InlineData("Bff/Uncommonly.cs")]
    [InlineData("Bff/Miscount.cs")]
    public void A_word_that_only_contains_one_is_left_alone(string path) => Assert.Empty(Findings(path));

    private static IEnumerable<string> Findings(string path) =>
        Words().Matches(path).Where(word => s_forbidden.Contains(word.Value)).Select(word => $"{path}: {word.Value}");

    [GeneratedRegex("[A-Z]?[a-z]+|[A-Z]+(?![a-z])")]
    private static partial Regex Words();
}
