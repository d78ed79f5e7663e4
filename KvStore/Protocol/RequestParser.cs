using System.Runtime.CompilerServices;

namespace FeedMall.KvStore.Protocol;

/// <summary>What may be sent; live settings.</summary>
internal sealed class RequestLimits
{
    public int MaxBulkBytes { get; set; } = 64 * 1024 * 1024;
    public int MaxArguments { get; init; } = 1024 * 1024;
    public long MaxRequestBytes { get; set; } = 64 * 1024 * 1024;
}

/// <summary>
/// Reads one command at a time:
/// <code>
/// command = *N CRLF N×argument | inline
/// argument = $L CRLF L bytes CRLF
/// inline = words parted by blanks, LF or CRLF
/// </code>
/// It is given all bytes of the command that have come so far, and goes on where it stopped: no byte is read twice, however small the pieces.
/// Arguments are places in those bytes, so nothing is copied.
/// </summary>
internal sealed class RequestParser(RequestLimits limits)
{
    private const int MaxLineBytes = 64 * 1024;
    private const int MaxLoneArguments = 10;
    private const int MaxLoneBulkBytes = 16_384;
    private const int KeptArguments = 1024;
    private const int None = -1;

    private int[] _starts = new int[16];
    private int[] _lengths = new int[16];
    private int _expected = None;
    private int _bulk = None;
    private int _position;

    /// <summary>Arguments of the command, the name included.</summary>
    public int Count { get; private set; }

    /// <summary>How many bytes the command took.</summary>
    public int Consumed => _position;

    /// <summary>Bytes that the command will have at least, as far as is known: room for a large argument can be made at once.</summary>
    public long Needed => _bulk == None ? 0 : (long)_position + _bulk + 2;

    /// <summary>Until a password was given, only small commands are read.</summary>
    public bool IsStranger { get; set; }


    /// <summary>Where an argument of the last command begins in the bytes that it was read from.</summary>
    public int Start(int at) => _starts[at];

    /// <summary>How many bytes an argument has.</summary>
    public int Length(int at) => _lengths[at];

    /// <summary>Begins the next command.</summary>
    public void Reset()
    {
        Count = 0;
        _position = 0;
        _expected = _bulk = None;
        if (_starts.Length > KeptArguments) (_starts, _lengths) = (new int[16], new int[16]);
    }

    /// <summary>Reads on.</summary>
    /// <param name="bytes">From the command's first byte to the last one that has come; quoted words of an inline command are unquoted in place.</param>
    /// <returns>Whether the command is complete; with no arguments it is an empty line, to be ignored.</returns>
    /// <exception cref="ProtocolException">These bytes are no command.</exception>
    public bool TryParse(Span<byte> bytes)
    {
        if (_expected == None)
        {
            if (bytes.Length == 0) return false;
            if (bytes[0] != '*') return TryParseInline(bytes);
            if (!TryReadNumber(bytes, 1, "too big mbulk count string", "invalid multibulk length", out var count)) return false;
            if (count > limits.MaxArguments) throw new ProtocolException("ERR Protocol error: invalid multibulk length");
            if (IsStranger && count > MaxLoneArguments) throw new ProtocolException("ERR Protocol error: unauthenticated multibulk length");
            _expected = (int)Math.Max(count, 0);
        }
        while (Count < _expected)
        {
            if (_bulk == None && !TryReadBulkHead(bytes)) return false;
            if (bytes.Length - _position < _bulk + 2) return false;
            var end = _position + _bulk;
            if (bytes[end] != '\r' || bytes[end + 1] != '\n') throw new ProtocolException("ERR Protocol error: expected CRLF after bulk");
            Add(_position, _bulk);
            _position = end + 2;
            _bulk = None;
        }
        return true;
    }

    private bool TryReadBulkHead(ReadOnlySpan<byte> bytes)
    {
        if (_position >= bytes.Length) return false;
        if (bytes[_position] != '$') throw new ProtocolException($"ERR Protocol error: expected '$', got '{Printable(bytes[_position])}'");
        if (!TryReadNumber(bytes, _position + 1, "too big bulk count string", "invalid bulk length", out var length)) return false;
        if (length < 0 || length > limits.MaxBulkBytes) throw new ProtocolException("ERR Protocol error: invalid bulk length");
        if (IsStranger && length > MaxLoneBulkBytes) throw new ProtocolException("ERR Protocol error: unauthenticated bulk length");
        if (_position + length > limits.MaxRequestBytes) throw new ConnectionEndException("the request is larger than the query buffer may become");
        _bulk = (int)length;
        return true;
    }

    // A line "digits CRLF" from a place on; moves behind it.
    private bool TryReadNumber(ReadOnlySpan<byte> bytes, int from, string tooLong, string invalid, out long number)
    {
        number = 0;
        var rest = bytes[from..];
        var end = rest[..Math.Min(rest.Length, Numbers.MaxIntegerBytes + 2)].IndexOf((byte)'\r');
        if (end < 0)
        {
            // Longer than any number, but whether it is only too long or wrong is known at the end of the line.
            if (rest.Length > Numbers.MaxIntegerBytes + 2) end = rest.IndexOf((byte)'\r');
            if (end < 0) return rest.Length > MaxLineBytes ? throw new ProtocolException($"ERR Protocol error: {tooLong}") : false;
        }
        if (end + 1 >= rest.Length) return false;
        if (!TryReadDigits(rest[..end], out number) || rest[end + 1] != '\n') throw new ProtocolException($"ERR Protocol error: {invalid}");
        _position = from + end + 2;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadDigits(ReadOnlySpan<byte> text, out long number)
    {
        if (text.Length is 0 or > 9 || text[0] is (byte)'0' or (byte)'-') return Numbers.TryParseInteger(text, out number);
        number = 0;
        foreach (var digit in text)
        {
            if ((uint)(digit - '0') > 9) return false;
            number = number * 10 + (digit - '0');
        }
        return true;
    }

    private bool TryParseInline(Span<byte> bytes)
    {
        // Where the search for the end of the line goes on.
        var end = bytes[_position..].IndexOf((byte)'\n');
        if (end < 0)
        {
            _position = bytes.Length;
            return bytes.Length > MaxLineBytes ? throw new ProtocolException("ERR Protocol error: too big inline request") : false;
        }
        end += _position;
        InlineWords.Split(bytes[..(end > 0 && bytes[end - 1] == '\r' ? end - 1 : end)], this);
        _position = end + 1;
        return true;
    }

    /// <summary>Adds an argument.</summary>
    internal void Add(int start, int length)
    {
        if (Count == _starts.Length)
        {
            Array.Resize(ref _starts, Count * 2);
            Array.Resize(ref _lengths, Count * 2);
        }
        _starts[Count] = start;
        _lengths[Count++] = length;
    }

    private static char Printable(byte letter) => letter is >= 32 and < 127 ? (char)letter : '?';
}
