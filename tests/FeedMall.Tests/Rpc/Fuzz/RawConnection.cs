using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;

namespace FeedMall.Tests.Rpc.Fuzz;

/// <summary>An HTTP/2 client that says whatever it is told to. Not for concurrent use.</summary>
internal sealed class RawConnection : IDisposable
{
    // Far more than the other side ever needs: who is silent for longer hangs.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);
    private const int LargestFrame = 1 << 20;

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly PipeReader _input;
    private readonly CancellationTokenSource _timeout = new();
    private long _pings;

    private RawConnection(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
        _input = PipeReader.Create(_stream);
    }

    /// <summary>The highest stream that was named so far.</summary>
    public int LastStream { get; private set; } = -1;

    /// <summary>Whether only frames were sent that leave the connection's settings as they are.</summary>
    public bool IsPlain { get; private set; } = true;

    /// <summary>Bytes of DATA that came in, by stream.</summary>
    public Dictionary<int, long> Received { get; } = [];

    /// <summary>Everything that came in beside DATA; DATA too when <see cref="KeepsData"/> is set.</summary>
    public List<Frame> Frames { get; } = [];

    public bool KeepsData { get; set; } = true;

    /// <param name="window">How many bytes every stream may send unasked; the connection itself has no limit.</param>
    public static async Task<RawConnection> OpenAsync(EndPoint address, int window = int.MaxValue)
    {
        var isTcp = address is IPEndPoint;
        var socket = isTcp ? new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true } : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(address);
        var connection = new RawConnection(socket);
        // Without a table every block of the server can be read by itself.
        await connection._stream.WriteAsync((byte[])[.. Frame.Preface,
            .. Frame.Join([Frame.SettingsOf((1, 0), (4, window)), Frame.WindowUpdateOf(0, int.MaxValue - 65_535)])]);
        return connection;
    }

    public Task WriteAsync(params Frame[] frames) => WriteAsync(Frame.Join(frames));

    public async Task WriteAsync(ReadOnlyMemory<byte> bytes) => await _stream.WriteAsync(bytes, Patience());

    /// <summary>Sends the bytes and waits until the server has read them all, or has closed the connection: then false.</summary>
    public async Task<bool> TrySendAsync(byte[] bytes)
    {
        var isWhole = Frame.TryScan(bytes, Note);
        try
        {
            await WriteAsync(bytes);
            if (isWhole) return await TryPingAsync();
            _socket.Shutdown(SocketShutdown.Send);
            await ReadToEndAsync();
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            // The server has closed while this side was still writing.
        }
        return false;
    }

    /// <summary>Waits until everything that was sent so far is read; false: the connection is closed.</summary>
    public async Task<bool> TryPingAsync()
    {
        var mark = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(mark, 0x7E57_0000_0000_0000 + ++_pings);
        await WriteAsync(new Frame(Frame.Ping, 0, 0, mark));
        return await ReadUntilAsync(frame => frame is { Type: Frame.Ping, Flags: Frame.Ack } && frame.Payload.AsSpan().SequenceEqual(mark));
    }

    /// <summary>Reads up to and including a frame of this kind; false: the connection has ended before.</summary>
    public async Task<bool> ReadUntilAsync(Func<Frame, bool> isLast)
    {
        while (await TryReadAsync() is { } frame)
        {
            if (isLast(frame)) return true;
        }
        return false;
    }

    /// <summary>Reads until the stream has ended, by either side's word; false: the connection has ended before.</summary>
    public Task<bool> ReadStreamAsync(int stream) => ReadUntilAsync(frame =>
        frame.Stream == stream && (frame.Type == Frame.Reset || (frame.Type is Frame.Data or Frame.Headers && (frame.Flags & Frame.EndStream) != 0)));

    public async Task ReadToEndAsync()
    {
        while (await TryReadAsync() is not null) { }
    }

    /// <summary>Says that nothing more follows, and waits until the server has closed too: all its calls have ended then.</summary>
    public async Task EndAsync()
    {
        _socket.Shutdown(SocketShutdown.Send);
        await ReadToEndAsync();
    }

    /// <summary>grpc-status of a stream, in headers or trailers.</summary>
    public string? StatusOf(int stream) => Frames.Where(frame => frame.Type == Frame.Headers && frame.Stream == stream)
        .Select(frame => HeaderBlock.Find(frame.Payload, "grpc-status")).LastOrDefault(status => status is not null);

    public void Note(byte type, int stream)
    {
        if (type is Frame.Settings or Frame.GoAway or Frame.PushPromise) IsPlain = false;
        LastStream = Math.Max(LastStream, stream);
    }

    public void Dispose()
    {
        _stream.Dispose();
        _timeout.Dispose();
    }

    /// <summary>The next frame; null: the connection has ended.</summary>
    private async Task<Frame?> TryReadAsync()
    {
        while (true)
        {
            try
            {
                var result = await _input.ReadAsync(Patience());
                var buffer = result.Buffer;
                if (TryTake(ref buffer) is { } frame)
                {
                    _input.AdvanceTo(buffer.Start);
                    if (frame.Type == Frame.Data) Received[frame.Stream] = Received.GetValueOrDefault(frame.Stream) + frame.Payload.Length;
                    if (frame.Type != Frame.Data || KeepsData) Frames.Add(frame);
                    return frame;
                }
                _input.AdvanceTo(buffer.Start, buffer.End);
                if (result.IsCompleted) return null;
            }
            catch (IOException)
            {
                return null;
            }
            catch (OperationCanceledException) when (_timeout.IsCancellationRequested)
            {
                throw new TimeoutException("The server neither answers nor closes.");
            }
        }
    }

    private static Frame? TryTake(ref ReadOnlySequence<byte> buffer)
    {
        if (buffer.Length < Frame.HeadBytes) return null;
        Span<byte> head = stackalloc byte[Frame.HeadBytes];
        buffer.Slice(0, Frame.HeadBytes).CopyTo(head);
        var length = head[0] << 16 | head[1] << 8 | head[2];
        if (length > LargestFrame) throw new InvalidDataException($"The server sent a frame of {length} bytes.");
        if (buffer.Length < Frame.HeadBytes + length) return null;
        var payload = buffer.Slice(Frame.HeadBytes, length).ToArray();
        buffer = buffer.Slice(Frame.HeadBytes + length);
        return new Frame(head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head[5..]) & int.MaxValue, payload);
    }

    private CancellationToken Patience()
    {
        _timeout.CancelAfter(s_patience);
        return _timeout.Token;
    }
}
