using System.Text.Json.Nodes;

namespace FeedMall.Bff.Swagger;

/// <summary>The examples of the description, from examples.json: a text that names a thing there stands for that thing.</summary>
internal sealed class Examples
{
    private const string ExampleTraceId = "4bf92f3577b34da6a3ce929d0e0e4736";

    private readonly JsonNode _all;

    public Examples()
    {
        using var file = typeof(Examples).Assembly.GetManifestResourceStream("examples.json")!;
        _all = JsonNode.Parse(file)!;
    }

    /// <summary>A body of this operation, or null when there is no example.</summary>
    public JsonNode? Request(string operation) => _all["requests"]![operation]?.DeepClone();

    /// <summary>An answer of this operation in its envelope, or null when there is no example.</summary>
    public JsonNode? Success(string operation) => _all["responses"]![operation] is { } data
        ? new JsonObject { ["code"] = 0, ["message"] = "success", ["data"] = Resolve(data) }
        : null;

    /// <summary>A failure of this status.</summary>
    public JsonNode? Failure(string status)
    {
        if (_all["failures"]![status] is not { } failure) return null;
        return new JsonObject
        {
            ["code"] = int.Parse(status, System.Globalization.CultureInfo.InvariantCulture),
            ["reason"] = failure["reason"]!.DeepClone(),
            ["message"] = failure["message"]!.DeepClone(),
            ["metadata"] = failure["metadata"]?.DeepClone() ?? new JsonObject(),
            ["traceId"] = ExampleTraceId,
        };
    }

    private JsonNode? Resolve(JsonNode? node) => node switch
    {
        JsonValue value when value.TryGetValue<string>(out var name) && _all["things"]![name] is { } thing => thing.DeepClone(),
        JsonArray items => new JsonArray([.. items.Select(Resolve)]),
        JsonObject fields => new JsonObject(fields.Select(field => KeyValuePair.Create(field.Key, Resolve(field.Value)))),
        _ => node?.DeepClone(),
    };
}
