namespace FeedMall.KvStore.Protocol;

/// <summary>
/// Splits an inline command into words. "…" knows \n \r \t \b \a \xHH and \ before any other letter; '…' knows only \'. A closing quote must be followed
/// by a blank. Words are unquoted where they stand: they never become longer.
/// </summary>
internal static class InlineWords
{
    /// <summary>Adds the words of a line to the parser.</summary>
    /// <exception cref="ProtocolException">A quote is not closed, or closed in the middle of a word.</exception>
    public static void Split(Span<byte> line, RequestParser parser)
    {
        var at = 0;
        while (true)
        {
            while (at < line.Length && IsBlank(line[at])) at++;
            if (at == line.Length) return;
            var start = at;
            var to = at;
            at = ReadWord(line, at, ref to);
            parser.Add(start, to - start);
        }
    }

    private static int ReadWord(Span<byte> line, int at, ref int to)
    {
        while (at < line.Length && !IsBlank(line[at]) && line[at] != 0)
        {
            if (line[at] is (byte)'"' or (byte)'\'')
            {
                at = ReadQuoted(line, at, ref to);
                if (at < line.Length && !IsBlank(line[at])) throw Unbalanced();
                return at;
            }
            line[to++] = line[at++];
        }
        // Zero bytes end a word, as they do for clients in C.
        while (at < line.Length && line[at] == 0) at++;
        return at;
    }

    private static int ReadQuoted(Span<byte> line, int at, ref int to)
    {
        var quote = line[at++];
        while (at < line.Length && line[at] != quote)
        {
            if (line[at] != '\\' || at + 1 >= line.Length)
            {
                line[to++] = line[at++];
            }
            else if (quote == '\'')
            {
                if (line[at + 1] == '\'') at++;
                line[to++] = line[at++];
            }
            else
            {
                at = ReadEscape(line, at + 1, ref to);
            }
        }
        return at < line.Length ? at + 1 : throw Unbalanced();
    }

    private static int ReadEscape(Span<byte> line, int at, ref int to)
    {
        if (line[at] == 'x' && at + 2 < line.Length && char.IsAsciiHexDigit((char)line[at + 1]) && char.IsAsciiHexDigit((char)line[at + 2]))
        {
            line[to++] = (byte)(Hex(line[at + 1]) << 4 | Hex(line[at + 2]));
            return at + 3;
        }
        line[to++] = line[at] switch
        {
            (byte)'n' => (byte)'\n',
            (byte)'r' => (byte)'\r',
            (byte)'t' => (byte)'\t',
            (byte)'b' => (byte)'\b',
            (byte)'a' => (byte)'\a',
            var other => other,
        };
        return at + 1;
    }

    private static int Hex(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;

    private static bool IsBlank(byte letter) => letter is (byte)' ' or (>= 9 and <= 13);

    private static ProtocolException Unbalanced() => new("ERR Protocol error: unbalanced quotes in request");
}
