using System.Buffers.Text;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace FeedMall.KvStore.Protocol;

/// <summary>Writes replies into a pooled buffer, in RESP2 or RESP3 as the client chose.</summary>
internal sealed class ReplyWriter : IDisposable
{
    private const int FirstBytes = 8 * 1024;
    private const int KeptBytes = 64 * 1024;

    private byte[] _buffer = [];

    /// <summary>2 or 3.</summary>
    public int Protocol { get; set; } = 2;

    /// <summary>Bytes that may wait to be sent; more ends the connection.</summary>
    public long MaxBytes { get; set; } = int.MaxValue;

    /// <summary>Bytes that wait to be sent.</summary>
    public int Length { get; private set; }

    /// <summary>What waits to be sent.</summary>
    public ReadOnlyMemory<byte> Written => _buffer.AsMemory(0, Length);

    /// <summary>Whether the last reply was an error.</summary>
    public bool HasFailed { get; set; }

    /// <summary>Bytes of the buffer.</summary>
    public int Capacity => _buffer.Length;

    /// <summary>All was sent, or shall not be.</summary>
    public void Clear()
    {
        Length = 0;
        if (_buffer.Length > KeptBytes) Dispose();
    }

    /// <summary>Takes back what was written since the reply had this length.</summary>
    public void Truncate(int length) => Length = length;

    /// <summary>"+OK".</summary>
    public void Ok() => Raw("+OK\r\n"u8);

    /// <summary>A simple string; no CR or LF in it.</summary>
    public void Simple(ReadOnlySpan<byte> text) => Line((byte)'+', text);

    /// <summary>An error: its code in capitals, then the text; no CR or LF in it.</summary>
    public void Error(ReadOnlySpan<byte> text)
    {
        HasFailed = true;
        Line((byte)'-', text);
    }

    /// <summary>An error with parts that are known only now.</summary>
    public void Error([InterpolatedStringHandlerArgument("")] ErrorText text) => Raw("\r\n"u8);

    /// <summary>An error whose text was made elsewhere.</summary>
    public void Error(string text) => Error($"{text}");

    /// <summary>For <see cref="ErrorText"/>.</summary>
    public void BeginError(int expected)
    {
        HasFailed = true;
        Room(expected + 3)[0] = (byte)'-';
        Length++;
    }

    /// <summary>An integer.</summary>
    public void Integer(long value) => Head((byte)':', value);

    /// <summary>A string of bytes.</summary>
    public void Bulk(ReadOnlySpan<byte> bytes)
    {
        var room = Room(bytes.Length + 16);
        room[0] = (byte)'$';
        var at = 1 + WriteLength(room[1..], bytes.Length);
        bytes.CopyTo(room[at..]);
        at += bytes.Length;
        room[at] = (byte)'\r';
        room[at + 1] = (byte)'\n';
        Length += at + 2;
    }

    /// <summary>A string of text.</summary>
    public void Bulk(string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        Head((byte)'$', length);
        Encoding.UTF8.GetBytes(text, Room(length));
        Length += length;
        Raw("\r\n"u8);
    }

    /// <summary>A string that spells an integer.</summary>
    public void BulkInteger(long value)
    {
        Span<byte> text = stackalloc byte[Numbers.MaxIntegerBytes];
        Utf8Formatter.TryFormat(value, text, out var length);
        Bulk(text[..length]);
    }

    /// <summary>No value.</summary>
    public void Nil() => Raw(Protocol == 3 ? "_\r\n"u8 : "$-1\r\n"u8);

    /// <summary>No list.</summary>
    public void NilArray() => Raw(Protocol == 3 ? "_\r\n"u8 : "*-1\r\n"u8);

    /// <summary>So many elements follow.</summary>
    public void Array(long count) => Head((byte)'*', count);

    /// <summary>So many keys with their values follow.</summary>
    public void Map(int pairs) => Head(Protocol == 3 ? (byte)'%' : (byte)'*', Protocol == 3 ? pairs : 2L * pairs);

    /// <summary>So many members follow, in no order.</summary>
    public void Set(int count) => Head(Protocol == 3 ? (byte)'~' : (byte)'*', count);

    /// <summary>So many elements follow that nobody asked for.</summary>
    public void Push(int count) => Head(Protocol == 3 ? (byte)'>' : (byte)'*', count);

    /// <summary>A number with a fraction.</summary>
    public void Double(double value)
    {
        Span<byte> text = stackalloc byte[Numbers.MaxScoreBytes];
        var length = Encoding.ASCII.GetBytes(Numbers.FormatScore(value), text);
        if (Protocol == 3) Line((byte)',', text[..length]);
        else Bulk(text[..length]);
    }

    /// <summary>Yes or no; 1 or 0 in RESP2.</summary>
    public void Boolean(bool value)
    {
        if (Protocol == 3) Raw(value ? "#t\r\n"u8 : "#f\r\n"u8);
        else Integer(value ? 1 : 0);
    }

    /// <summary>Text for people.</summary>
    public void Verbatim(string text)
    {
        if (Protocol != 3)
        {
            Bulk(text);
            return;
        }
        var bytes = Encoding.UTF8.GetBytes(text);
        Head((byte)'=', bytes.Length + 4);
        Raw("txt:"u8);
        Raw(bytes);
        Raw("\r\n"u8);
    }

    /// <summary>Bytes as they are.</summary>
    public void Raw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        Length += bytes.Length;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        BufferPool.Return(_buffer);
        (_buffer, Length) = ([], 0);
    }

    private void Line(byte type, ReadOnlySpan<byte> text)
    {
        var room = Room(text.Length + 3);
        room[0] = type;
        text.CopyTo(room[1..]);
        "\r\n"u8.CopyTo(room[(text.Length + 1)..]);
        Length += text.Length + 3;
    }

    private void Head(byte type, long value)
    {
        var room = Room(Numbers.MaxIntegerBytes + 3);
        room[0] = type;
        Utf8Formatter.TryFormat(value, room[1..], out var length);
        room[length + 1] = (byte)'\r';
        room[length + 2] = (byte)'\n';
        Length += length + 3;
    }

    private static int WriteLength(Span<byte> room, int length)
    {
        Utf8Formatter.TryFormat(length, room, out var digits);
        room[digits] = (byte)'\r';
        room[digits + 1] = (byte)'\n';
        return digits + 2;
    }

    /// <summary>Room for at least so many bytes more; <see cref="Added"/> says how many were written there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Room(int bytes)
    {
        if (_buffer.Length - Length < bytes) Grow(bytes);
        return _buffer.AsSpan(Length);
    }

    /// <summary>Bytes that were written where <see cref="Room"/> is are part of the replies.</summary>
    public void Added(int bytes) => Length += bytes;

    private ConnectionEndException TooMuch() => new(string.Create(CultureInfo.InvariantCulture, $"more than {MaxBytes} bytes of replies wait to be sent"));

    private void Grow(int bytes)
    {
        var wanted = (long)Length + bytes;
        if (wanted > MaxBytes || wanted > System.Array.MaxLength) throw TooMuch();
        var buffer = BufferPool.Rent((int)Math.Min(Math.Max(Math.Max(FirstBytes, wanted), _buffer.Length * 2L), System.Array.MaxLength));
        _buffer.AsSpan(0, Length).CopyTo(buffer);
        BufferPool.Return(_buffer);
        _buffer = buffer;
    }
}
