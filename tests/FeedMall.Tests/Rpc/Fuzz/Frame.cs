using System.Buffers.Binary;
using System.Text;

namespace FeedMall.Tests.Rpc.Fuzz;

/// <summary>One HTTP/2 frame, right or wrong.</summary>
internal sealed record Frame(byte Type, byte Flags, int Stream, byte[] Payload)
{
    public const int HeadBytes = 9;

    public const byte Data = 0, Headers = 1, Priority = 2, Reset = 3, Settings = 4, PushPromise = 5, Ping = 6, GoAway = 7, WindowUpdate = 8, Continuation = 9;
    public const byte EndStream = 1, Ack = 1, EndHeaders = 4, Padded = 8, HasPriority = 32;

    /// <summary>What a client says first.</summary>
    public static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>What the head says instead of the truth.</summary>
    public int? ClaimedLength { get; init; }

    public static Frame ResetOf(int stream, int code) => new(Reset, 0, stream, Number(code));

    public static Frame WindowUpdateOf(int stream, int bytes) => new(WindowUpdate, 0, stream, Number(bytes));

    /// <summary>Settings as pairs of id and value.</summary>
    public static Frame SettingsOf(params (int Id, int Value)[] settings) =>
        new(Settings, 0, 0, [.. settings.SelectMany(setting => new byte[] { (byte)(setting.Id >> 8), (byte)setting.Id }.Concat(Number(setting.Value)))]);

    public static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    public byte[] ToBytes()
    {
        var length = ClaimedLength ?? Payload.Length;
        return [(byte)(length >> 16), (byte)(length >> 8), (byte)length, Type, Flags, .. Number(Stream), .. Payload];
    }

    public static byte[] Join(IEnumerable<Frame> frames) => [.. frames.SelectMany(frame => frame.ToBytes())];

    /// <summary>The frames that a receiver finds in these bytes, and whether they end with a whole one.</summary>
    public static bool TryScan(ReadOnlySpan<byte> bytes, Action<byte, int> found)
    {
        while (bytes.Length >= HeadBytes)
        {
            var length = bytes[0] << 16 | bytes[1] << 8 | bytes[2];
            found(bytes[3], BinaryPrimitives.ReadInt32BigEndian(bytes[5..]) & int.MaxValue);
            if (bytes.Length < HeadBytes + length) return false;
            bytes = bytes[(HeadBytes + length)..];
        }
        return bytes.IsEmpty;
    }
}

/// <summary>Header blocks in their plainest form: literals that are neither indexed nor Huffman coded. Characters are bytes.</summary>
internal static class HeaderBlock
{
    public static byte[] Encode(IEnumerable<(string Name, string Value)> headers)
    {
        var block = new MemoryStream();
        foreach (var (name, value) in headers)
        {
            block.WriteByte(0);
            WriteText(block, name);
            WriteText(block, value);
        }
        return block.ToArray();
    }

    /// <summary>The value behind a name in a block of Kestrel's that uses no table; null when there is none.</summary>
    public static string? Find(ReadOnlySpan<byte> block, string name)
    {
        var at = block.IndexOf(Encoding.Latin1.GetBytes(name));
        return at < 0 ? null : Encoding.Latin1.GetString(block.Slice(at + name.Length + 1, block[at + name.Length] & 0x7F));
    }

    // RFC 7541 section 5.1: seven bits, then groups of seven.
    private static void WriteText(MemoryStream block, string text)
    {
        var rest = text.Length;
        if (rest < 127)
        {
            block.WriteByte((byte)rest);
        }
        else
        {
            block.WriteByte(127);
            for (rest -= 127; rest >= 128; rest >>= 7) block.WriteByte((byte)(rest & 127 | 128));
            block.WriteByte((byte)rest);
        }
        block.Write(Encoding.Latin1.GetBytes(text));
    }
}
