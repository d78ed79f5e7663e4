using System.Globalization;
using System.Text;

namespace FeedMall.Testing.Hostile;

/// <summary>What a hostile client sends to a RESP server; the same for the same seed. Not for several threads.</summary>
public sealed class HostileInputs(int seed, IReadOnlyList<string> commands)
{
    private static readonly string[] s_words =
    [
        "", "0", "1", "-1", "2", "10", "1000000", "67108864", "67108865", "536870913", "2147483647", "2147483648", "-2147483649", "9223372036854775807", "-9223372036854775808",
        "9223372036854775808", "99999999999999999999999", "1.5", "1e400", "-0", "+1", " 1", "0x10", "nan", "inf", "-inf", "(1", "[a", "-", "+", "*", "?*[^a-", "\\", "EX", "PX", "EXAT", "NX", "XX",
        "GT", "LT", "CH", "INCR", "GET", "SET", "KEEPTTL", "COUNT", "MATCH", "LIMIT", "WITHSCORES", "BYSCORE", "BYLEX", "REV", "REPLACE", "DB", "LEFT", "RIGHT", "BEFORE", "LIST", "INFO",
        "STATS", "USAGE", "ENCODING", "\r\n", "a b", "\0", "ÿþ", "*1\r\n$8\r\nFLUSHALL\r\n",
    ];
    private static readonly string[] s_starts =
        ["*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n", "*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "SET a \"b\\x41\"\r\n", "*4\r\n$4\r\nSCAN\r\n$1\r\n0\r\n$5\r\nCOUNT\r\n$2\r\n10\r\n", "*1\r\n$4\r\nPING\r\n", "hset h 'f' v\r\n"];
    private static readonly string[] s_giants =
        ["*2147483647\r\n", "*1048577\r\n", "*99999999999999999999\r\n", "*1\r\n$2147483647\r\n", "*1\r\n$67108865\r\n", "*2\r\n$3\r\nGET\r\n$9223372036854775808\r\n", "*1048576\r\n$67108864\r\nabc"];
    private static readonly string[] s_negatives = ["*1\r\n$-1\r\n", "*3\r\n$3\r\nSET\r\n$-5\r\n", "*2\r\n$-2147483648\r\n", "*-5\r\n*1\r\n$-9\r\n", "*1\r\n$-\r\n"];
    private static readonly string[] s_http =
        ["GET / HTTP/1.1\r\nHost: localhost:6380\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nFLUSHALL\r\n", "GET /x HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nUser-Agent: a\r\nHost: b\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"];

    private readonly Random _chance = new(seed);

    /// <summary>One after the other.</summary>
    public const int BreakingKinds = 5;

    /// <summary>A command in the right form with arguments that make no sense, of any number: it is answered, mostly with an error, and the connection goes on.</summary>
    public void WriteCommand(Stream to)
    {
        var arguments = _chance.Next(7);
        Write(to, FormattableString.Invariant($"*{arguments + 1}\r\n"));
        WriteArgument(to, Mutated(commands[_chance.Next(commands.Count)], 20));
        for (var i = 0; i < arguments; i++)
        {
            WriteArgument(to, _chance.Next(10) switch
            {
                < 5 => "k" + _chance.Next(12).ToString(CultureInfo.InvariantCulture),
                < 9 => s_words[_chance.Next(s_words.Length)],
                _ => RandomText(_chance.Next(200)),
            });
        }
    }

    /// <summary>What no client would send: 0 random bytes, 1 a command with bytes changed or missing, 2 a giant length, 3 a negative length, 4 HTTP.</summary>
    public byte[] Breaking(int kind)
    {
        var text = kind switch
        {
            0 => RandomText(_chance.Next(1, 300)),
            1 => MutatedStart(),
            2 => s_giants[_chance.Next(s_giants.Length)],
            3 => s_negatives[_chance.Next(s_negatives.Length)],
            _ => s_http[_chance.Next(s_http.Length)],
        };
        return Encoding.Latin1.GetBytes(text);
    }

    /// <summary>The beginning of a command whose rest never comes.</summary>
    public byte[] Half()
    {
        var whole = s_starts[_chance.Next(s_starts.Length)];
        return Encoding.Latin1.GetBytes(whole[.._chance.Next(1, whole.Length - 2)]);
    }

    /// <summary>An argument as bytes on the wire.</summary>
    public static void WriteArgument(Stream to, string text)
    {
        Write(to, FormattableString.Invariant($"${text.Length}\r\n"));
        Write(to, text);
        Write(to, "\r\n");
    }

    private static void Write(Stream to, string text)
    {
        Span<byte> bytes = stackalloc byte[256];
        to.Write(bytes[..Encoding.Latin1.GetBytes(text, bytes)]);
    }

    // Mostly the word itself, one time in so many with a letter changed.
    private string Mutated(string word, int oneIn)
    {
        if (_chance.Next(oneIn) > 0) return word;
        var at = _chance.Next(word.Length);
        return word[..at] + (char)_chance.Next(256) + word[(at + 1)..];
    }

    private string MutatedStart()
    {
        var text = s_starts[_chance.Next(s_starts.Length)];
        for (var change = _chance.Next(1, 4); change > 0; change--) text = Mutated(text, 1);
        return text[.._chance.Next(1, text.Length + 1)];
    }

    private string RandomText(int length) => string.Create(length, _chance, (letters, chance) =>
    {
        for (var i = 0; i < letters.Length; i++) letters[i] = (char)chance.Next(256);
    });
}
