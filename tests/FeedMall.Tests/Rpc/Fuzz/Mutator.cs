using System.Buffers.Binary;
using System.IO.Compression;
using FeedMall.Tests.Rpc.Proto;
using Google.Protobuf;

namespace FeedMall.Tests.Rpc.Fuzz;

/// <summary>
/// Makes correct gRPC traffic and breaks it at one of five levels: headers, header block, messages, frames, bytes. What comes out
/// depends on the seed alone.
/// </summary>
internal sealed class Mutator(int seed)
{
    private static readonly byte[] s_bomb = Gzip(new byte[4_000_000]);
    private static readonly string[] s_odd =
        ["", " ", "\0", "a\r\nb: c", "\u00FF\u00FE", "%", "%zz", "1", "-1", "99999999H", "123456789m", "0n", "1n", "1S ", "application/json", "application/grpc-web", "gzip",
         "snappy", "identity,gzip", "*===", "AQ", "A", "18446744073709551616", "trailers", "GET", "//", "/feedmall.tests.rpc.Echo/Nope", "é", "\t", "grpc-timeout", "0", "16", "17"];
    private static readonly string[] s_names =
        ["", ":path", ":method", ":status", ":bogus", "Upper-Case", "x y", "x\0", "connection", "transfer-encoding", "te", "host", "content-length", "content-type", "grpc-timeout",
         "grpc-encoding", "grpc-accept-encoding", "grpc-status", "grpc-message", "grpc-status-details-bin", "grpc-retry-pushback-ms", "x-a", "x-a-bin", "cookie", "\u00E9"];

    // Not 6, the largest headers: .NET keeps that for all later connections to the same server.
    private static readonly int[] s_settings = [0, 1, 2, 3, 4, 5, 7, 8];

    private readonly Random _random = new(seed);

    /// <summary>One of five is left as it is.</summary>
    public enum Level { None, Headers, Block, Messages, Frames, Bytes }

    public Random Random => _random;

    /// <summary>What a client sends for one call, or for two whose frames are mixed.</summary>
    public byte[] Request(string path, int stream)
    {
        var level = NextLevel();
        var frames = Exchange(stream, level, RequestHeaders(path), null);
        if (_random.Next(8) == 0) frames = Mix(frames, Exchange(stream + 2, level, RequestHeaders(path), null));
        return Break(frames, level);
    }

    /// <summary>What a server answers on one stream.</summary>
    public byte[] Response(int stream, Level level) => Break(
        Exchange(stream, level, [(":status", "200"), ("content-type", "application/grpc"), .. Some(("grpc-encoding", "gzip"), ("x-a", "1"), ("x-a-bin", "AQ"))],
            [("grpc-status", _random.Next(3) == 0 ? $"{_random.Next(17)}" : "0"), .. Some(("grpc-message", "a%20b"), ("grpc-status-details-bin", "CAU"), ("x-b", "2"))]), level);

    public Level NextLevel() => (Level)_random.Next(6);

    /// <summary>A body of some messages in a row, whole or broken.</summary>
    public byte[] Body(bool isBroken, bool isGzip)
    {
        var body = new List<byte>();
        var count = _random.Next(10) == 0 ? _random.Next(4) : 1;
        for (var i = 0; i < count; i++) body.AddRange(Message(isGzip));
        return isBroken ? BreakMessages([.. body]) : [.. body];
    }

    public string OddText() => _random.Next(4) switch
    {
        0 => new string([.. Enumerable.Range(0, _random.Next(20)).Select(_ => (char)_random.Next(256))]),
        1 when _random.Next(20) == 0 => new string('a', _random.Next(40_000)),
        _ => Pick(s_odd),
    };

    public byte[] BreakBytes(byte[] bytes)
    {
        for (var times = _random.Next(1, 4); times > 0; times--)
        {
            if (bytes.Length == 0) return bytes;
            var (at, end) = (_random.Next(bytes.Length), _random.Next(bytes.Length + 1));
            if (at > end) (at, end) = (end, at);
            switch (_random.Next(6))
            {
                case 0: bytes = [.. bytes]; bytes[at] ^= (byte)(1 << _random.Next(8)); break;
                case 1: bytes = [.. bytes]; bytes[at] = (byte)_random.Next(256); break;
                case 2: bytes = bytes[..at]; break;
                case 3: bytes = [.. bytes[..at], .. bytes[end..]]; break;
                case 4: bytes = [.. bytes[..end], .. bytes[at..]]; break;
                default: bytes = [.. bytes[..at], .. Noise(_random.Next(1, 12)), .. bytes[at..]]; break;
            }
        }
        return bytes;
    }

    private byte[] Break(List<Frame> frames, Level level)
    {
        if (level == Level.Frames)
        {
            for (var times = _random.Next(1, 4); times > 0; times--) BreakFrames(frames);
        }
        var bytes = Frame.Join(frames);
        return level == Level.Bytes ? BreakBytes(bytes) : bytes;
    }

    private List<(string, string)> RequestHeaders(string path) =>
    [
        (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "fuzz"), ("content-type", "application/grpc"), ("te", "trailers"),
        .. Some(("grpc-timeout", _random.Next(20) == 0 ? "1n" : "2S"), ("grpc-encoding", "gzip"), ("grpc-accept-encoding", "identity,gzip"), ("x-a", "1"), ("x-a-bin", "AQ")),
    ];

    // Header block, messages and, in an answer, trailers, cut into frames here and there.
    private List<Frame> Exchange(int stream, Level level, List<(string Name, string Value)> headers, List<(string Name, string Value)>? trailers)
    {
        if (level == Level.Headers) BreakHeaders(trailers is not null && _random.Next(2) == 0 ? trailers : headers);
        var block = HeaderBlock.Encode(headers);
        var last = trailers is null ? null : HeaderBlock.Encode(trailers);
        if (level == Level.Block)
        {
            if (last is not null && _random.Next(2) == 0) last = BreakBytes(last);
            else block = _random.Next(6) == 0 ? [.. Noise(_random.Next(1, 6)), .. block] : BreakBytes(block);
        }
        var body = Body(level == Level.Messages, headers.Contains(("grpc-encoding", "gzip")));
        List<Frame> frames = [.. HeaderFrames(stream, block, 0)];
        // What a client does not end the server waits for.
        var isEnded = trailers is not null || _random.Next(12) != 0;
        frames.AddRange(DataFrames(stream, body, trailers is null && isEnded));
        if (last is not null) frames.AddRange(HeaderFrames(stream, last, Frame.EndStream));
        return frames;
    }

    private IEnumerable<Frame> HeaderFrames(int stream, byte[] block, byte flags)
    {
        const int MaxFrame = 16_384;
        var cut = block.Length > MaxFrame ? MaxFrame : _random.Next(4) == 0 ? _random.Next(block.Length + 1) : block.Length;
        yield return new Frame(Frame.Headers, (byte)(flags | (cut == block.Length ? Frame.EndHeaders : 0)), stream, block[..cut]);
        while (cut < block.Length)
        {
            var end = Math.Min(block.Length, cut + MaxFrame);
            yield return new Frame(Frame.Continuation, end == block.Length ? Frame.EndHeaders : (byte)0, stream, block[cut..end]);
            cut = end;
        }
    }

    private IEnumerable<Frame> DataFrames(int stream, byte[] body, bool isEnd)
    {
        var cut = _random.Next(4) == 0 ? _random.Next(body.Length + 1) : 0;
        if (cut > 0) yield return new Frame(Frame.Data, 0, stream, body[..cut]);
        var padding = _random.Next(8) == 0 ? _random.Next(256) : -1;
        yield return padding < 0
            ? new Frame(Frame.Data, isEnd ? Frame.EndStream : (byte)0, stream, body[cut..])
            : new Frame(Frame.Data, (byte)(Frame.Padded | (isEnd ? Frame.EndStream : 0)), stream, [(byte)padding, .. body[cut..], .. new byte[padding]]);
    }

    private void BreakHeaders(List<(string Name, string Value)> headers)
    {
        for (var times = _random.Next(1, 4); times > 0; times--)
        {
            var at = _random.Next(headers.Count);
            switch (_random.Next(6))
            {
                case 0: headers[at] = (headers[at].Name, OddText()); break;
                case 1: headers[at] = (Pick(s_names), headers[at].Value); break;
                case 2 when headers.Count > 1: headers.RemoveAt(at); break;
                case 3: headers.Insert(at, headers[_random.Next(headers.Count)]); break;
                default: headers.Insert(_random.Next(headers.Count + 1), (Pick(s_names), OddText())); break;
            }
        }
    }

    private byte[] BreakMessages(byte[] body)
    {
        body = body.Length >= 5 ? [.. body] : [0, 0, 0, 0, 0];
        var length = BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(1));
        switch (_random.Next(10))
        {
            case 0: SetLength(body, uint.MaxValue); return body;
            case 1: SetLength(body, length + 1); return body;
            case 2: SetLength(body, length - 1); return body;
            case 3: SetLength(body, (uint)_random.Next(100_000)); return body;
            case 4: body[0] = (byte)(_random.Next(3) == 0 ? 255 : _random.Next(4)); return body;
            case 5: return Framed(1, BreakBytes(Gzip(Noise(_random.Next(200)))));
            case 6 when _random.Next(30) == 0: return Framed(1, s_bomb);
            // Groups within groups without end.
            case 7: return Framed(0, [.. Enumerable.Repeat((byte)0x0B, _random.Next(500))]);
            case 8: return Framed((byte)_random.Next(2), Noise(_random.Next(60)));
            default: return BreakBytes(body);
        }
    }

    private void BreakFrames(List<Frame> frames)
    {
        if (frames.Count == 0) return;
        var at = _random.Next(frames.Count);
        var frame = frames[at];
        switch (_random.Next(14))
        {
            case 0: frames.Insert(_random.Next(frames.Count + 1), frame); break;
            case 1: frames.RemoveAt(at); break;
            case 2: frames.Reverse(); break;
            case 3: frames[at] = frame with { Type = (byte)_random.Next(12) }; break;
            case 4: frames[at] = frame with { Flags = (byte)(frame.Flags ^ 1 << _random.Next(8)) }; break;
            case 5: frames[at] = frame with { Stream = Pick([0, 1, 2, frame.Stream - 2, frame.Stream + 1, frame.Stream + 2, int.MaxValue, -1]) }; break;
            case 6: frames[at] = frame with { ClaimedLength = Pick([0, frame.Payload.Length + 1, Math.Max(0, frame.Payload.Length - 1), 16_385, 0xFFFFFF]) }; break;
            case 7: frames[at] = frame with { Flags = (byte)(frame.Flags | Frame.Padded), Payload = [(byte)_random.Next(256), .. frame.Payload] }; break;
            case 8: frames.Insert(_random.Next(frames.Count + 1), Frame.ResetOf(frame.Stream, _random.Next(16))); break;
            case 9: frames.Insert(_random.Next(frames.Count + 1), Frame.WindowUpdateOf(Pick([0, frame.Stream]), Pick([0, 1, int.MaxValue, -1]))); break;
            case 10: frames.Insert(_random.Next(frames.Count + 1), Frame.SettingsOf((Pick(s_settings), Pick([0, 1, 16_384, int.MaxValue, -1])))); break;
            case 11: frames.Insert(_random.Next(frames.Count + 1), new Frame(Pick([Frame.Ping, Frame.GoAway, Frame.PushPromise, Frame.Settings]), (byte)_random.Next(2), Pick([0, frame.Stream]), Noise(_random.Next(12)))); break;
            case 12: frames.Insert(_random.Next(frames.Count + 1), new Frame(Frame.Priority, 0, frame.Stream, [.. Frame.Number(Pick([0, frame.Stream])), 1])); break;
            default: frames.Add(new Frame(Frame.Data, (byte)_random.Next(2), frame.Stream, Noise(_random.Next(30)))); break;
        }
    }

    private List<Frame> Mix(List<Frame> one, List<Frame> other)
    {
        var (mixed, i, j) = (new List<Frame>(), 0, 0);
        while (i < one.Count || j < other.Count) mixed.Add(j == other.Count || (i < one.Count && _random.Next(2) == 0) ? one[i++] : other[j++]);
        return mixed;
    }

    private byte[] Message(bool isGzip)
    {
        var message = new EchoRequest { Text = new string('a', _random.Next(40)), Count = _random.Next(-1, 6), Payload = ByteString.CopyFrom(Noise(_random.Next(40))) }.ToByteArray();
        return isGzip && _random.Next(2) == 0 ? Framed(1, Gzip(message)) : Framed(0, message);
    }

    private (string, string)[] Some(params (string, string)[] headers) => [.. headers.Where(_ => _random.Next(4) == 0)];

    private T Pick<T>(T[] all) => all[_random.Next(all.Length)];

    private byte[] Noise(int length)
    {
        var bytes = new byte[length];
        _random.NextBytes(bytes);
        return bytes;
    }

    private static void SetLength(byte[] body, uint length) => BinaryPrimitives.WriteUInt32BigEndian(body.AsSpan(1), length);

    /// <summary>A message with its prefix.</summary>
    public static byte[] Framed(byte flag, byte[] message) => [flag, .. Frame.Number(message.Length), .. message];

    public static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(bytes);
        return packed.ToArray();
    }
}
