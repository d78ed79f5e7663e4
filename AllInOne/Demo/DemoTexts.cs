using System.Text.Json;

namespace FeedMall.AllInOne.Demo;

/// <summary>The words of the demo data, from demo.json.</summary>
internal sealed record DemoTexts(
    string Password,
    IReadOnlyList<string> Users,
    IReadOnlyList<DemoTopic> Topics,
    IReadOnlyList<DemoShop> Shops,
    IReadOnlyList<string> Grades,
    IReadOnlyList<string> Kinds,
    IReadOnlyList<string> Collections)
{
    /// <summary>Reads the file that is built into the program.</summary>
    public static DemoTexts Load()
    {
        using var file = typeof(DemoTexts).Assembly.GetManifestResourceStream("demo.json")!;
        return JsonSerializer.Deserialize<DemoTexts>(file, JsonSerializerOptions.Web)!;
    }
}

/// <summary>What posts of one kind say: each title is combined with each subject, and the sentences take turns.</summary>
internal sealed record DemoTopic(
    IReadOnlyList<string> Tags,
    bool Video,
    IReadOnlyList<string> Titles,
    IReadOnlyList<string> Subjects,
    IReadOnlyList<string> Openings,
    IReadOnlyList<string> Middles,
    IReadOnlyList<string> Closings);

/// <summary>A shop and what it sells.</summary>
internal sealed record DemoShop(string Name, string Line, IReadOnlyList<string> Goods);
