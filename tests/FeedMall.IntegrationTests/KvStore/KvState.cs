using System.Globalization;
using System.Text.RegularExpressions;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>Everything that a server holds, read through its commands: type, content and expiry of each key.</summary>
internal static partial class KvState
{
    private const int Databases = 4;

    /// <summary>One line for each key, "database key type expiry: content", in order.</summary>
    public static async Task<List<string>> ReadAsync(int port, CancellationToken cancellationToken)
    {
        using var connection = await RespConnection.OpenAsync(port, cancellationToken);
        var lines = new List<string>();
        for (var database = 0; database < Databases; database++)
        {
            await connection.AskAsync(["SELECT", database.ToString(CultureInfo.InvariantCulture)], cancellationToken);
            var keys = Strings(await connection.AskAsync(["KEYS", "*"], cancellationToken));
            foreach (var type in keys.Chunk(1000)) lines.AddRange(await ReadKeysAsync(connection, database, type, cancellationToken));
        }
        lines.Sort(StringComparer.Ordinal);
        return lines;
    }

    private static async Task<List<string>> ReadKeysAsync(RespConnection connection, int database, string[] keys, CancellationToken cancellationToken)
    {
        foreach (var key in keys)
        {
            await connection.SendAsync(["TYPE", key], cancellationToken);
            await connection.SendAsync(["PEXPIRETIME", key], cancellationToken);
        }
        var heads = new List<(string Type, string Expiry)>();
        foreach (var _ in keys) heads.Add((await connection.ReadAsync(cancellationToken), await connection.ReadAsync(cancellationToken)));
        foreach (var (key, (type, _)) in keys.Zip(heads)) await connection.SendAsync(Content(key, type), cancellationToken);
        var lines = new List<string>();
        foreach (var (key, (type, expiry)) in keys.Zip(heads))
        {
            var reply = await connection.ReadAsync(cancellationToken);
            var content = type switch
            {
                "+set⏎" => string.Join('|', Strings(reply).Order(StringComparer.Ordinal)),
                "+hash⏎" => string.Join('|', Strings(reply).Chunk(2).Select(pair => string.Join('=', pair)).Order(StringComparer.Ordinal)),
                _ => reply,
            };
            lines.Add($"{database} {key} {type[1..^1]} {expiry[1..^1]}: {content}");
        }
        return lines;
    }

    private static string[] Content(string key, string type) => type switch
    {
        "+list⏎" => ["LRANGE", key, "0", "-1"],
        "+set⏎" => ["SMEMBERS", key],
        "+hash⏎" => ["HGETALL", key],
        "+zset⏎" => ["ZRANGE", key, "0", "-1", "WITHSCORES"],
        _ => ["GET", key],
    };

    /// <summary>The strings in a reply.</summary>
    public static List<string> Strings(string reply) => [.. Bulk().Matches(reply).Select(match => match.Groups[1].Value)];

    [GeneratedRegex(@"\$\d+⏎(.*?)⏎")]
    private static partial Regex Bulk();
}
