using System.Net.Sockets;
using FeedMall.KvStore.Commands;
using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Network;

/// <summary>
/// One client's connection: receive, run every complete command in order, send the replies with one call. While a reply is being sent nothing is read,
/// so a client that does not read its replies fills only its own buffer. Data is read straight from the socket when the loop says that some has come, or with TLS
/// through a stream.
/// </summary>
internal sealed partial class Connection : IDisposable
{
    private const int FirstBytes = 16 * 1024;
    private const int KeptReplyBytes = 16 * 1024;
    // Without the loop, a connection whose data is always there already must let the others have the thread now and then.
    private const int MostRoundsAtOnce = 32;

    private readonly Socket _socket;
    private readonly Stream? _tls;
    private readonly ReadyLoop? _loop;
    private readonly Readiness? _ready;
    private readonly KvEngine _engine;
    private readonly RequestParser _parser;
    private readonly Batch _batch;
    private readonly CommandContext _context;
    private byte[] _buffer = [];
    private int _start, _end;

    public Connection(Socket socket, Stream? tls, ReadyLoop? loop, Client client, KvEngine engine)
    {
        (_socket, _tls, Client, _engine) = (socket, tls, client, engine);
        _parser = new RequestParser(engine.Settings.Limits);
        _batch = new Batch(engine, client);
        _context = new CommandContext(engine, client);
        if (tls is null && loop is not null) (_loop, _ready) = (loop, loop.Watch(socket));
        client.OpenOutbox = () => new Outbox(client, SendAsync, engine.Settings.Start.MaxSubscriberBytes);
    }

    public Client Client { get; }

    /// <summary>Serves the client until it leaves, is told to, or breaks the protocol.</summary>
    /// <exception cref="ConnectionEndException">The connection was ended for what the client did.</exception>
    public async Task ServeAsync()
    {
        var rounds = 0;
        // From the thread that accepts to the loop's.
        if (_loop is not null) await _loop.NextTurn();
        while (!Client.IsClosing)
        {
            MakeRoom();
            int received;
            if (_ready is null)
            {
                var receiving = ReceiveAsync();
                rounds = receiving.IsCompleted ? rounds + 1 : 0;
                if (rounds % MostRoundsAtOnce == MostRoundsAtOnce - 1) await Task.Yield();
                received = await receiving;
            }
            else
            {
                await _ready.WaitAsync();
                received = ReceiveNow(_ready);
            }
            if (received == 0) return;
            if (received < 0) continue;
            _end += received;
            for (var hasMore = true; hasMore && !Client.IsClosing;)
            {
                hasMore = RunBatch();
                if (!hasMore || !MayKeepReplies)
                {
                    // The others' commands first.
                    if (_loop is not null) await _loop.NextTurn();
                    await SendAsync();
                }
                // Behind all who have sent less.
                if (hasMore && _loop is not null) await _loop.TurnBehind();
            }
            // Half a command that is on its way is progress too.
            if (_start < _end) Client.LastActiveMs = _engine.Clock.ElapsedMs;
        }
    }

    /// <summary>Lets the client finish what it has sent: nothing more is received, and once all is answered the connection ends.</summary>
    public void Drain() => Sockets.End(_socket, SocketShutdown.Receive);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ready is not null) _loop?.Unwatch(_ready);
        BufferPool.Return(_buffer);
        _buffer = [];
        Client.Reply.Dispose();
        Client.Outbox?.Dispose();
        _tls?.Dispose();
        _socket.Dispose();
    }

    // Until the next batch has run: so a client is woken once for several. Not what waits for the disk, nor where messages come in between.
    private bool MayKeepReplies => Client.Reply.Length < KeptReplyBytes && _batch.Held is null && Client.Outbox is null;

    private ValueTask<int> ReceiveAsync() =>
        _tls is null ? _socket.ReceiveAsync(_buffer.AsMemory(_end), SocketFlags.None) : _tls.ReadAsync(_buffer.AsMemory(_end));

    // Below zero: nothing has come after all.
    private int ReceiveNow(Readiness ready)
    {
        ready.BeginReceive();
        var room = _buffer.AsSpan(_end);
        var received = _socket.Receive(room, SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock) return -1;
        if (error != SocketError.Success) throw new SocketException((int)error);
        ready.EndReceive(isAll: received < room.Length);
        return received;
    }

    private async ValueTask SendAsync()
    {
        if (_batch.Held is not null) await HoldAsync(_batch.Held);
        var reply = Client.Reply;
        if (Client.Outbox is { } outbox)
        {
            Client.TakeReplies();
            await outbox.FlushAsync();
            return;
        }
        if (reply.Length == 0) return;
        var sent = _ready is null ? 0 : SendNow(reply.Written.Span);
        if (sent < reply.Length) await SendAsync(reply.Written[sent..]);
        reply.Clear();
    }

    // As much as the system takes at once: nearly always all.
    private int SendNow(ReadOnlySpan<byte> bytes)
    {
        var sent = _socket.Send(bytes, SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock) return 0;
        return error == SocketError.Success ? sent : throw new SocketException((int)error);
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> left)
    {
        if (_tls is not null)
        {
            Client.SendingSinceMs = _engine.Clock.ElapsedMs;
            await _tls.WriteAsync(left);
        }
        else
        {
            var sending = _socket.SendAsync(left, SocketFlags.None);
            if (!sending.IsCompleted) Client.SendingSinceMs = _engine.Clock.ElapsedMs;
            left = left[await sending..];
            while (left.Length > 0) left = left[await _socket.SendAsync(left, SocketFlags.None)..];
        }
        Client.SendingSinceMs = long.MaxValue;
    }

    // What a reply says must not be lost any more.
    private async ValueTask HoldAsync(Task<bool> held)
    {
        // All commands of the loop's round have run: one flush serves all of them.
        _engine.Keyspace.Journal?.Wake();
        var isWritten = await held;
        // That goes on on the writer's thread, under the data lock: away from there.
        if (_loop is null) await Task.Yield();
        else await _loop.NextTurn();
        if (isWritten) return;
        // Which of the batch's commands survive is unknown, and so is what else to answer.
        Client.Reply.Clear();
        Client.Reply.Error(Errors.CannotWrite(_engine.Keyspace.Journal?.Failure ?? "the disk has failed"));
        Client.IsClosing = true;
    }

    // Runs what is complete, up to the batch's limits; true if there may be more.
    private bool RunBatch()
    {
        try
        {
            if (!TryParse()) return false;
            _batch.Begin(_end - _start);
            try
            {
                do
                {
                    if (_parser.Count > 0) Run();
                    _start += _parser.Consumed;
                    _parser.Reset();
                    if (Client.IsClosing) return false;
                    // Before the next command is parsed: an inline command must not be parsed twice.
                    if (_batch.IsFull) return true;
                } while (TryParse());
                return false;
            }
            finally
            {
                _batch.End();
            }
        }
        catch (ProtocolException broken)
        {
            Client.Reply.Error(broken.Message);
            Client.IsClosing = true;
            return false;
        }
    }

    private void Run()
    {
        _context.Use(_buffer, _start, _parser);
        // A browser, or a web page that was made to post here.
        if (Word.Is(_context[0], "post") || Word.Is(_context[0], "host:")) throw new HttpClientException();
        _batch.Run(_context);
    }

    private bool TryParse()
    {
        _parser.IsStranger = Client.IsStranger;
        return _parser.TryParse(_buffer.AsSpan(_start, _end - _start));
    }

    private void MakeRoom()
    {
        if (_start == _end)
        {
            _start = _end = 0;
            if (_buffer.Length is 0 or > FirstBytes) Replace(FirstBytes);
        }
        else if (_end == _buffer.Length || _parser.Needed > _buffer.Length - _start)
        {
            var used = _end - _start;
            // Only what has come is paid for: a length that is announced costs nothing.
            if (_start > 0 && used < _buffer.Length / 2) Replace(_buffer.Length);
            else if (used == _buffer.Length - _start) Replace((int)Math.Min(_buffer.Length * 2L, Array.MaxLength));
        }
        Client.InputBytes = _buffer.Length;
    }

    private void Replace(int bytes)
    {
        if (_end - _start >= _engine.Settings.Limits.MaxRequestBytes + FirstBytes) throw new ConnectionEndException("the request is larger than the query buffer may become");
        var buffer = BufferPool.Rent(bytes);
        _buffer.AsSpan(_start, _end - _start).CopyTo(buffer);
        BufferPool.Return(_buffer);
        (_buffer, _start, _end) = (buffer, 0, _end - _start);
    }
}

/// <summary>The client speaks HTTP.</summary>
internal sealed class HttpClientException() : Exception("HTTP was spoken on the port for RESP");
