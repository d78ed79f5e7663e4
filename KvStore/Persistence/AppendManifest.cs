using System.Globalization;
using System.Text;

namespace FeedMall.KvStore.Persistence;

/// <summary>
/// Which files are the data: at most one base, then increments in the order in which they were written. Text as Redis 7 writes it, a line for each file:
/// "file NAME seq NUMBER type b|i", so that a redis-server can load the folder.
/// </summary>
internal sealed record AppendManifest(string? Base, IReadOnlyList<string> Increments, long LastNumber)
{
    public static AppendManifest Empty { get; } = new(null, [], 0);

    /// <summary>All files in the order of loading.</summary>
    public IEnumerable<string> Files => Base is null ? Increments : Increments.Prepend(Base);

    /// <summary>Reads the text.</summary>
    /// <exception cref="FormatException">It is no such text; the message says which line.</exception>
    public static AppendManifest Parse(string text)
    {
        var (manifest, number) = (Empty, 0);
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            number++;
            if (line.StartsWith('#')) continue;
            var words = line.TrimEnd('\r').Split(' ');
            if (words is not ["file", var name, "seq", var digits, "type", var type] || !long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var seq)
                || name != Path.GetFileName(name) || name.Length == 0)
                throw new FormatException($"line {number} is not 'file NAME seq NUMBER type b|i'");
            manifest = type switch
            {
                "b" when manifest.Base is null && manifest.Increments.Count == 0 => manifest with { Base = name },
                "i" => manifest with { Increments = [.. manifest.Increments, name] },
                // A leftover of a redis-server.
                "h" => manifest,
                _ => throw new FormatException($"line {number}: a base after other files, or an unknown type"),
            };
            manifest = manifest with { LastNumber = Math.Max(manifest.LastNumber, seq) };
        }
        return manifest;
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var name in Files) text.Append(CultureInfo.InvariantCulture, $"file {name} seq {NumberOf(name)} type {(name == Base ? 'b' : 'i')}\n");
        return text.ToString();
    }

    // The second last part but one: appendonly.aof.7.incr.aof.
    private static string NumberOf(string name) => name.Split('.') is [.., var number, _, _] && number.All(char.IsAsciiDigit) ? number : "1";
}
