using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>
/// What metadata a call carries (spec §12): constants of the client, what travels on from the request that is being answered, and what
/// the caller says, each replacing the one before where the key is the same.
/// </summary>
internal static class Propagation
{
    /// <summary>Limits of what is propagated; a header block of 8 KiB is what peers can be expected to take.</summary>
    private const int MaxEntries = 64;
    private const int MaxBytes = 8 * 1024;
    private const int MaxValueBytes = 4 * 1024;
    private const int BytesPerEntry = 32;

    /// <summary>The metadata of a call; null when there is none.</summary>
    public static Metadata? Merge(IReadOnlyDictionary<string, string>? constants, Metadata? request, Metadata? own, RpcTelemetry telemetry)
    {
        if (constants is not { Count: > 0 } && !HasGlobal(request)) return own;
        var merged = new Metadata();
        foreach (var (key, value) in constants ?? new Dictionary<string, string>())
        {
            if (value.Length > 0 && own?.Get(key) is null) merged.Add(key, value);
        }
        var (entries, bytes) = (0, 0);
        for (var i = 0; i < request?.Count; i++)
        {
            var entry = request[i];
            if (!TravelsOn(entry) || own?.Get(entry.Key) is not null) continue;
            var valueBytes = entry.IsBinary ? entry.ValueBytes.Length * 4 / 3 : entry.Value.Length;
            var size = entry.Key.Length + valueBytes + BytesPerEntry;
            // What came first stays: the newest are those that are too many.
            if (valueBytes > MaxValueBytes || entries == MaxEntries || bytes + size > MaxBytes)
            {
                telemetry.CountDroppedMetadata();
                continue;
            }
            (entries, bytes) = (entries + 1, bytes + size);
            merged.Add(entry);
        }
        for (var i = 0; i < own?.Count; i++) merged.Add(own[i]);
        return merged;
    }

    private static bool HasGlobal(Metadata? request)
    {
        for (var i = 0; i < request?.Count; i++)
        {
            if (TravelsOn(request[i])) return true;
        }
        return false;
    }

    private static bool TravelsOn(Metadata.Entry entry) =>
        entry.Key.StartsWith(MetadataKeys.Global, StringComparison.Ordinal) && (entry.IsBinary ? entry.ValueBytes.Length : entry.Value.Length) > 0;
}
