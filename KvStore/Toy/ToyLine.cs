using System.Buffers.Text;

namespace FeedMall.KvStore.Toy;

/// <summary>What a line asks for.</summary>
internal enum ToyKind
{
    /// <summary>It is not of this protocol's version, or of no version: the client speaks something else.</summary>
    WrongVersion,
    /// <summary>Too short, or with fields that are missing, too many or no numbers.</summary>
    Malformed,
    /// <summary>A command that there is not.</summary>
    Unknown,
    Get,
    Set,
    Expire,
}

/// <summary>
/// A line of the toy protocol, without its end: four letters of version, eight of command that are filled up with zeros on the left, then fields parted by
/// CR. GET has a key; SET a key, a value and seconds; EXPIRE a key and seconds.
/// </summary>
internal readonly ref struct ToyLine
{
    private const int VersionBytes = 4;
    private const int CommandBytes = 8;

    public ToyKind Kind { get; private init; }

    public ReadOnlySpan<byte> Key { get; private init; }

    public ReadOnlySpan<byte> Value { get; private init; }

    /// <summary>Until the key expires; 0: never.</summary>
    public uint Seconds { get; private init; }

    /// <summary>Every line is one of these.</summary>
    public static ToyLine Parse(ReadOnlySpan<byte> line)
    {
        if (line.Length >= VersionBytes && !line[..VersionBytes].SequenceEqual("0001"u8)) return default;
        if (line.Length < VersionBytes + CommandBytes) return new ToyLine { Kind = ToyKind.Malformed };
        var payload = line[(VersionBytes + CommandBytes)..];
        var command = line.Slice(VersionBytes, CommandBytes);
        if (command.SequenceEqual("00000GET"u8)) return Get(payload);
        if (command.SequenceEqual("00000SET"u8)) return Set(payload);
        if (command.SequenceEqual("00EXPIRE"u8)) return Expire(payload);
        return new ToyLine { Kind = ToyKind.Unknown };
    }

    private static ToyLine Get(ReadOnlySpan<byte> payload) =>
        new() { Kind = payload.Length > 0 && !payload.Contains((byte)'\r') ? ToyKind.Get : ToyKind.Malformed, Key = payload };

    private static ToyLine Set(ReadOnlySpan<byte> payload)
    {
        var (first, last) = (payload.IndexOf((byte)'\r'), payload.LastIndexOf((byte)'\r'));
        // The two are the only ones, with a key before them.
        if (first < 1 || last == first || payload[(first + 1)..last].Contains((byte)'\r') || !TrySeconds(payload[(last + 1)..], out var seconds))
            return new ToyLine { Kind = ToyKind.Malformed };
        return new ToyLine { Kind = ToyKind.Set, Key = payload[..first], Value = payload[(first + 1)..last], Seconds = seconds };
    }

    private static ToyLine Expire(ReadOnlySpan<byte> payload)
    {
        var end = payload.IndexOf((byte)'\r');
        if (end < 1 || !TrySeconds(payload[(end + 1)..], out var seconds)) return new ToyLine { Kind = ToyKind.Malformed };
        return new ToyLine { Kind = ToyKind.Expire, Key = payload[..end], Seconds = seconds };
    }

    // Digits and nothing else.
    private static bool TrySeconds(ReadOnlySpan<byte> text, out uint seconds) =>
        Utf8Parser.TryParse(text, out seconds, out var used) && used == text.Length && !text.ContainsAnyExceptInRange((byte)'0', (byte)'9');
}
