using FeedMall.AllInOne;
using FeedMall.ServiceDefaults;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace FeedMall.Tests.House;

/// <summary>Every setting has a section, a check at start and a line in docs/CONFIG.md; DefaultsTests holds the defaults.</summary>
public sealed class OptionsTests
{
    // Options that no settings file feeds: the room that registers the runtime sets them in code.
    private static readonly HashSet<string> s_setInCode = ["GrpcServiceOptions", "GrpcClientOptions", "RetryOptions", "WriteOptions", "GrpcListenOptions"];

    // Resilience is a library: whoever uses it decides which of its options are settings. They check themselves.
    private static bool IsSetInCode(Type type) => s_setInCode.Contains(type.Name) || type.Assembly.GetName().Name == "Resilience";

    // Options that another way than the container checks at start.
    private static readonly Dictionary<string, string> s_checkedOtherwise = new()
    {
        ["AllInOneOptions"] = "AllInOne has no container of its own; AllInOneOptions.Read checks",
    };

    [Fact]
    public void Options_name_their_section_and_can_be_made_without_any_setting() =>
        Rule.Holds(Settings.Types().Where(type => !IsSetInCode(type)).SelectMany(Shape),
            "Give it 'public const string Section' and a constructor without parameters:");

    [Fact]
    public void Options_are_checked_at_start()
    {
        var sources = Repository.RoomSources().ToList();
        Rule.Holds(Settings.Types().Where(type => !IsSetInCode(type) && !s_checkedOtherwise.ContainsKey(type.Name))
            .SelectMany(type => Unchecked(type, sources)),
            "Register it with AddOptions<T>()…Validate(…).ValidateOnStart(), so that a bad value stops the start with the name of its key:");
    }

    [Fact]
    public void Options_of_Resilience_check_themselves()
    {
        var options = Settings.Types().Where(type => type.Assembly.GetName().Name == "Resilience").ToList();
        Assert.NotEmpty(options);
        Rule.Holds(options.Where(type => type.GetMethod("Check", Type.EmptyTypes) is null || type.GetConstructor(Type.EmptyTypes) is null)
            .Select(type => type.Name), "Give it defaults and 'public void Check()', and call that in the constructor that takes it:");
    }

    [Theory]
    [InlineData("00:00:00")]
    [InlineData("01:00:00")]
    public void AllInOne_refuses_a_wait_out_of_range(string wait)
    {
        var settings = new ConfigurationBuilder().AddInMemoryCollection([new("AllInOne:ReadyTimeout", wait)]).Build();
        Assert.Contains("AllInOne:ReadyTimeout", Assert.Throws<StartException>(() => AllInOneOptions.Read(settings)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_setting_is_documented()
    {
        var keys = Settings.Types().Where(type => !IsSetInCode(type)).SelectMany(Settings.Keys).ToList();
        Assert.NotEmpty(keys);
        Rule.Holds(Undocumented(keys, Settings.Documented(Repository.Read("docs/CONFIG.md").Text)), "Add a row with unit and default to docs/CONFIG.md:");
    }

    [Fact]
    public void Every_documented_setting_exists()
    {
        var keys = Settings.Types().SelectMany(Settings.Keys).ToHashSet();
        Rule.Holds(Settings.Documented(Repository.Read("docs/CONFIG.md").Text).Where(key => !Settings.IsKnown(key, keys)),
            "Correct or remove the row in docs/CONFIG.md: no options class has this key:");
    }

    [Fact]
    public void Broken_options_are_found()
    {
        Assert.Single(Shape(typeof(NoSectionOptions)));
        Assert.Single(Shape(typeof(NoDefaultOptions)));
        Assert.Empty(Shape(typeof(GoodOptions)));
    }

    [Theory]
    [InlineData("", "is not registered")]
    [InlineData("services.AddOptions<GoodOptions>().BindConfiguration(GoodOptions.Section);", "no ValidateOnStart")]
    [InlineData("services.AddOptions<GoodOptions>().BindConfiguration(GoodOptions.Section).ValidateOnStart();", "no check")]
    public void Options_without_a_check_are_found(string code, string finding) =>
        Assert.Contains(finding, Assert.Single(Unchecked(typeof(GoodOptions), [new RepositoryFile("Bff/BffApp.cs", code)])), StringComparison.Ordinal);

    [Fact]
    public void Options_with_a_check_are_left_alone() =>
        Assert.Empty(Unchecked(typeof(GoodOptions), [new RepositoryFile("Bff/BffApp.cs", "s.AddOptions<GoodOptions>().Validate(o => o.Most > 0, \"\").ValidateOnStart();")]));

    [Fact]
    public void A_setting_without_a_row_is_found()
    {
        var documented = Settings.Documented("| `Good:Least` | 1 | … |\n| `Good:Worst`, `Good:Other` | 1 | see `Good:Most` |");
        Assert.Equal(["Good:Least", "Good:Other", "Good:Worst"], documented.Order());
        Assert.Equal(["Good:Most"], Undocumented(Settings.Keys(typeof(GoodOptions)), documented));
    }

    private sealed class NoSectionOptions;

    private sealed class NoDefaultOptions(int most)
    {
        public const string Section = "Bad";
        public int Most { get; set; } = most;
    }

    private sealed class GoodOptions
    {
        public const string Section = "Good";
        public int Most { get; set; } = 3;
    }

    private static IEnumerable<string> Shape(Type type)
    {
        if (type.GetField("Section") is not { IsLiteral: true }) yield return $"{type.FullName} has no Section";
        if (type.GetConstructor(Type.EmptyTypes) is null) yield return $"{type.FullName} needs values to be made";
    }

    private static IEnumerable<string> Unchecked(Type type, IReadOnlyList<RepositoryFile> sources)
    {
        var registrations = sources.Where(file => file.Text.Contains(type.Name, StringComparison.Ordinal))
            .SelectMany(file => file.Syntax().DescendantNodes().OfType<GenericNameSyntax>())
            .Where(call => call.Identifier.Text == "AddOptions" && call.TypeArgumentList.Arguments.ToString() == type.Name)
            .Select(call => call.FirstAncestorOrSelf<StatementSyntax>()?.ToString() ?? call.Parent!.ToString()).ToList();
        if (registrations.Count == 0)
        {
            yield return $"{type.FullName} is not registered";
            yield break;
        }
        if (!registrations.Any(text => text.Contains(".ValidateOnStart(", StringComparison.Ordinal))) yield return $"{type.FullName}: no ValidateOnStart";
        var nothingToCheck = type.GetProperties().All(property => property.PropertyType == typeof(bool));
        var hasCheck = registrations.Any(text => text.Contains(".Validate(", StringComparison.Ordinal))
            || sources.Any(file => file.Text.Contains($"IValidateOptions<{type.Name}>", StringComparison.Ordinal));
        if (registrations.Any(text => text.Contains(".ValidateOnStart(", StringComparison.Ordinal)) && !hasCheck && !nothingToCheck)
            yield return $"{type.FullName}: no check";
    }

    private static IEnumerable<string> Undocumented(IEnumerable<string> keys, IReadOnlySet<string> documented) =>
        keys.Where(key => !documented.Contains(key));
}
