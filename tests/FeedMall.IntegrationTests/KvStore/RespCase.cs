using System.Text.RegularExpressions;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>What is sent and what must come back.</summary>
/// <param name="Request">Words of a command, parted by blanks, '…' around words with blanks or none; or "raw " and bytes as they are.</param>
/// <param name="Reply">The reply's bytes with ⏎ for CR LF, without the last one; "~" and a pattern; or <see cref="RespConnection.Closed"/>.</param>
/// <param name="Ours">Our reply, where it may be another than Redis'.</param>
/// <param name="Because">Why it may.</param>
internal sealed record RespStep(string Request, string Reply, string? Ours = null, string? Because = null)
{
    /// <summary>"request → reply".</summary>
    public static implicit operator RespStep(string text)
    {
        var arrow = text.IndexOf(" → ", StringComparison.Ordinal);
        return new RespStep(text[..arrow], text[(arrow + 3)..]);
    }

    /// <summary>The bytes to send.</summary>
    public string Bytes => Request.StartsWith("raw ", StringComparison.Ordinal) ? Request[4..] : RespConnection.Encode(Words(Request));

    public static string[] Words(string text) => [.. Regex.Matches(text, "'([^']*)'|([^ ]+)").Select(word => word.Groups[1].Success ? word.Groups[1].Value : word.Groups[2].Value)];
}

/// <summary>A connection's story. Each begins with empty databases.</summary>
internal sealed record RespCase(string Name, params RespStep[] Steps)
{
    public override string ToString() => Name;
}
