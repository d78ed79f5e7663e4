using System.Buffers;

namespace FeedMall.ServiceDefaults.Validation;

/// <summary>Sets of characters that texts are checked against.</summary>
public static class Characters
{
    /// <summary>The control characters, without line feed, carriage return and tab. PostgreSQL in particular cannot store NUL.</summary>
    public static SearchValues<char> Forbidden { get; } =
        SearchValues.Create(Enumerable.Range(0, 0x20).Append(0x7F).Select(code => (char)code).Where(c => c is not ('\n' or '\r' or '\t')).ToArray());
}
