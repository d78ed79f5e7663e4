using System.Collections.Frozen;
using System.Text.RegularExpressions;

namespace FeedMall.Resilience.Caching;

/// <summary>A list of keys, some of them as regular expressions: those that begin with ~.</summary>
internal sealed class KeyList
{
    private readonly FrozenSet<string> _keys;
    private readonly Regex[] _expressions;

    /// <param name="name">Of the option, for the exception.</param>
    public KeyList(IReadOnlyList<string> lines, string name)
    {
        _keys = lines.Where(line => !IsExpression(line)).ToFrozenSet();
        try
        {
            // Without backtracking: the time is linear in the length of the key, whoever chose it.
            _expressions = [.. lines.Where(IsExpression).Select(line => new Regex(line[1..], RegexOptions.NonBacktracking | RegexOptions.CultureInvariant))];
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new ArgumentException($"not a regular expression that can be used here: {e.Message}", name, e);
        }
    }

    public bool Contains(string key)
    {
        if (_keys.Contains(key)) return true;
        foreach (var expression in _expressions)
            if (expression.IsMatch(key)) return true;
        return false;
    }

    private static bool IsExpression(string line) => line.StartsWith('~');
}
