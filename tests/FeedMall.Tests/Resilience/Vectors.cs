using System.Text.Json;
using FeedMall.Tests.House;

namespace FeedMall.Tests.Resilience;

/// <summary>Reads the tables of tests/vectors.</summary>
internal static class Vectors
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter() },
    };

    public static T Read<T>(string name) => JsonSerializer.Deserialize<T>(Repository.Read($"tests/vectors/{name}.json").Text, s_json)!;
}
