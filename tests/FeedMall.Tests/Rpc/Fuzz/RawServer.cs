using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net.Sockets;
using FeedMall.Testing;

namespace FeedMall.Tests.Rpc.Fuzz;

/// <summary>What follows the bytes of an answer.</summary>
internal enum Then
{
    /// <summary>The stream is reset, in case that the answer has not ended it.</summary>
    Reset,
    /// <summary>Nothing: only the deadline ends what the answer has not.</summary>
    Wait,
    /// <summary>The connection is closed.</summary>
    Close,
}

/// <summary>An HTTP/2 server that answers every call with the bytes that it is given, for clients that connect through <see cref="ConnectAsync"/>.</summary>
internal sealed class RawServer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly UnixDomainSocketEndPoint _address;
    private readonly Func<int, (byte[] Bytes, Then Then)> _answer;
    private readonly CancellationTokenSource _closed = new();
    private readonly Task _accepting;
    private int _open;

    /// <param name="answer">From the number of the stream to what is said on it.</param>
    public RawServer(Func<int, (byte[] Bytes, Then Then)> answer)
    {
        _answer = answer;
        _address = new UnixDomainSocketEndPoint(Path.Combine(_folder.Path, "raw"));
        _listener.Bind(_address);
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    /// <summary>Connections that stand at the moment.</summary>
    public int Open => Volatile.Read(ref _open);

    /// <summary>What went wrong here and not in the client.</summary>
    public Exception? Failure { get; private set; }

    public async ValueTask<Stream> ConnectAsync(Uri address, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(_address, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _closed.Dispose();
        _folder.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptAsync(_closed.Token));
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The server is closed.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        Interlocked.Increment(ref _open);
        try
        {
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            await ServeAsync(stream, PipeReader.Create(stream));
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The client is gone, or the test is over.
        }
        catch (Exception exception)
        {
            Failure = exception;
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }

    private async Task ServeAsync(NetworkStream stream, PipeReader input)
    {
        var isNew = true;
        while (true)
        {
            var result = await input.ReadAsync(_closed.Token);
            var buffer = result.Buffer;
            if (isNew && buffer.Length >= Frame.Preface.Length)
            {
                isNew = false;
                buffer = buffer.Slice(Frame.Preface.Length);
                await SendAsync(stream, Frame.Join([Frame.SettingsOf((3, 1000)), Frame.WindowUpdateOf(0, 1 << 30)]));
            }
            while (!isNew && TryTakeHead(ref buffer, out var type, out var flags, out var id, out var payload))
            {
                if (!await TryReplyAsync(stream, type, flags, id, payload)) return;
            }
            input.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted) return;
        }
    }

    // False: the connection ends here.
    private async Task<bool> TryReplyAsync(NetworkStream stream, byte type, byte flags, int id, byte[] payload)
    {
        switch (type)
        {
            case Frame.Settings when (flags & Frame.Ack) == 0:
                await SendAsync(stream, new Frame(Frame.Settings, Frame.Ack, 0, []).ToBytes());
                return true;
            case Frame.Ping when (flags & Frame.Ack) == 0:
                await SendAsync(stream, new Frame(Frame.Ping, Frame.Ack, 0, payload).ToBytes());
                return true;
            case Frame.Headers:
                var (bytes, then) = _answer(id);
                if (then == Then.Reset) bytes = [.. bytes, .. Frame.ResetOf(id, 8).ToBytes()];
                await SendAsync(stream, bytes);
                return then != Then.Close;
            default:
                return true;
        }
    }

    private ValueTask SendAsync(NetworkStream stream, byte[] bytes) => stream.WriteAsync(bytes, _closed.Token);

    private static bool TryTakeHead(ref ReadOnlySequence<byte> buffer, out byte type, out byte flags, out int stream, out byte[] payload)
    {
        (type, flags, stream, payload) = (0, 0, 0, []);
        if (buffer.Length < Frame.HeadBytes) return false;
        Span<byte> head = stackalloc byte[Frame.HeadBytes];
        buffer.Slice(0, Frame.HeadBytes).CopyTo(head);
        var length = head[0] << 16 | head[1] << 8 | head[2];
        if (buffer.Length < Frame.HeadBytes + length) return false;
        (type, flags, stream) = (head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head[5..]) & int.MaxValue);
        payload = buffer.Slice(Frame.HeadBytes, length).ToArray();
        buffer = buffer.Slice(Frame.HeadBytes + length);
        return true;
    }
}
