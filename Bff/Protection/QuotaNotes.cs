using System.Text.Json;
using System.Text.Json.Serialization;
using FeedMall.Resilience.Quotas;
using FeedMall.ServiceDefaults.KeyValue;

namespace FeedMall.Bff.Protection;

/// <summary>The notes by which the copies of the service share the quota, as JSON on a board in the key-value store. What is no note of ours is left out.</summary>
internal sealed class QuotaNotes(KeyValueStore store)
{
    private const int MostNotes = 1000;
    private const int MostLines = 200;
    private const int MostBytes = 64 * 1024;
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(200);

    private readonly NoticeBoard _board = new("quota", store);

    /// <summary>See <see cref="QuotaExchange"/>.</summary>
    public async ValueTask<IReadOnlyDictionary<string, QuotaNote>?> ExchangeAsync(string node, QuotaNote note, IReadOnlyList<string> gone)
    {
        var notes = await _board.PinAsync(node, JsonSerializer.SerializeToUtf8Bytes(note, QuotaJson.Default.QuotaNote), gone, s_patience);
        if (notes is null || notes.Count > MostNotes) return null;
        var read = new Dictionary<string, QuotaNote>(StringComparer.Ordinal);
        foreach (var (writer, bytes) in notes)
        {
            if (TryRead(bytes) is { } of) read[writer] = of;
        }
        return read;
    }

    private static QuotaNote? TryRead(byte[] bytes)
    {
        if (bytes.Length > MostBytes) return null;
        try
        {
            return JsonSerializer.Deserialize(bytes, QuotaJson.Default.QuotaNote) is { Limit: > 0 and <= 1e9, Lines.Count: <= MostLines } note
                && note.Ttl > TimeSpan.Zero && note.Ttl <= TimeSpan.FromMinutes(1) && note.Lines.All(MakesSense) ? note : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool MakesSense(QuotaLine line) =>
        line is { Caller: not null, Weight: >= 0.001 and <= 1000, Limit: >= 0 and <= 1e9, Demand: >= 0 and <= 1e12, Claim: >= 0 and <= 1e12 };
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(QuotaNote))]
internal sealed partial class QuotaJson : JsonSerializerContext;
