using System.Globalization;
using System.Net.Sockets;
using System.Text;
using FeedMall.KvStore.Commands;
using FeedMall.KvStore.Network;
using FeedMall.KvStore.Protocol;

namespace FeedMall.KvStore.Toy;

/// <summary>
/// One client of the toy protocol. Each line becomes the RESP command that does the same and is run like any other, so limits, the append-only file and
/// the figures hold for it too; the reply is put into the toy's words. Lines are answered in order, however many come at once.
/// </summary>
internal sealed class ToyConnection(Socket socket, Client client, KvEngine engine, bool isExact) : IDisposable
{
    /// <summary>Bytes of a line, its end included: a value of 1 MiB with what stands around it.</summary>
    public const int MaxLineBytes = 1024 * 1024 + 64;

    private const int FirstBytes = 16 * 1024;
    private const int MostAnswerBytes = 64 * 1024;

    private readonly RequestParser _parser = new(engine.Settings.Limits);
    private readonly Batch _batch = new(engine, client);
    private readonly CommandContext _context = new(engine, client);
    private readonly MemoryStream _request = new();
    private readonly MemoryStream _answers = new();
    private byte[] _buffer = BufferPool.Rent(FirstBytes);
    private int _start, _end;
    private Task<bool>? _held;

    public Client Client => client;

    public Socket Socket => socket;

    /// <summary>Serves the client until it leaves or breaks the protocol.</summary>
    public async Task ServeAsync()
    {
        while (!client.IsClosing)
        {
            if (!MakeRoom()) Close("error line too long");
            else
            {
                var received = await socket.ReceiveAsync(_buffer.AsMemory(_end));
                if (received == 0) return;
                _end += received;
                client.LastActiveMs = engine.Clock.ElapsedMs;
                while (!client.IsClosing && TryAnswerLine())
                    if (_answers.Length >= MostAnswerBytes) await SendAsync();
            }
            await SendAsync();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        BufferPool.Return(_buffer);
        _buffer = [];
        client.Reply.Dispose();
        _request.Dispose();
        _answers.Dispose();
        socket.Dispose();
    }

    private async Task<bool> IsWrittenAsync(Task<bool> held)
    {
        engine.Keyspace.Journal?.Wake();
        var isWritten = await held;
        // From the writer's thread, and the data lock, to another one.
        await Task.Yield();
        return isWritten;
    }

    private bool TryAnswerLine()
    {
        var length = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
        if (length < 0) return false;
        var line = ToyLine.Parse(_buffer.AsSpan(_start, length));
        _start += length + 1;
        switch (line.Kind)
        {
            case ToyKind.WrongVersion:
                Close("error version");
                break;
            case ToyKind.Malformed:
                Answer("error bad request"u8);
                break;
            case ToyKind.Unknown:
                Answer("NOP"u8);
                break;
            default:
                Run(line, length);
                break;
        }
        return true;
    }

    private void Run(ToyLine line, int length)
    {
        WriteRequest(line);
        try
        {
            _parser.Reset();
            _parser.TryParse(_request.GetBuffer().AsSpan(0, (int)_request.Length));
            _batch.Begin(length + 1);
            try
            {
                _context.Use(_request.GetBuffer(), 0, _parser);
                _batch.Run(_context);
            }
            finally
            {
                _batch.End();
            }
        }
        catch (ProtocolException tooLarge)
        {
            client.Reply.Error(tooLarge.Message);
        }
        _held = _batch.Held ?? _held;
        Translate(line.Kind, client.Reply.Written.Span);
        client.Reply.Clear();
    }

    // No seconds: no expiry, and with EXPIRE none any more.
    private void WriteRequest(ToyLine line)
    {
        _request.SetLength(0);
        var hasTime = line.Seconds > 0;
        Write(line.Kind switch { ToyKind.Get => "*2\r\n$3\r\nGET\r\n", ToyKind.Set => hasTime ? "*5\r\n$3\r\nSET\r\n" : "*3\r\n$3\r\nSET\r\n", _ => hasTime ? "*3\r\n$6\r\nEXPIRE\r\n" : "*3\r\n$5\r\nGETEX\r\n" });
        WriteArgument(line.Key);
        if (line.Kind == ToyKind.Set) WriteArgument(line.Value);
        if (line.Kind == ToyKind.Set && hasTime) WriteArgument("EX"u8);
        if (hasTime) WriteArgument(Encoding.ASCII.GetBytes(line.Seconds.ToString(CultureInfo.InvariantCulture)));
        else if (line.Kind == ToyKind.Expire) WriteArgument("PERSIST"u8);
    }

    private void Translate(ToyKind kind, ReadOnlySpan<byte> reply)
    {
        var isMissing = reply.StartsWith("$-1"u8) || reply.StartsWith(":0"u8);
        if (reply[0] == '-') Answer(Encoding.Latin1.GetBytes("error " + Encoding.Latin1.GetString(reply[1..^2])));
        else if (kind == ToyKind.Get) AnswerValue(isMissing, reply);
        else if (isMissing) Answer("error not found key"u8);
        // The toy says nothing when all went well.
        else if (!isExact) Answer("ok"u8);
    }

    private void AnswerValue(bool isMissing, ReadOnlySpan<byte> reply)
    {
        var value = isMissing ? "not found key"u8 : reply[(reply.IndexOf((byte)'\n') + 1)..^2];
        if (!isExact && value.ContainsAny((byte)'\r', (byte)'\n'))
        {
            // Set by other means. As a line it would be taken for several answers.
            Answer("error value has line ends"u8);
            return;
        }
        _answers.WriteByte((byte)'+');
        Answer(value);
    }

    private void Close(string answer)
    {
        Answer(Encoding.ASCII.GetBytes(answer));
        client.IsClosing = true;
    }

    private void Answer(ReadOnlySpan<byte> text)
    {
        _answers.Write(text);
        if (!isExact) _answers.WriteByte((byte)'\n');
    }

    private void Write(string text) => _request.Write(Encoding.ASCII.GetBytes(text));

    private void WriteArgument(ReadOnlySpan<byte> bytes)
    {
        Write(string.Create(CultureInfo.InvariantCulture, $"${bytes.Length}\r\n"));
        _request.Write(bytes);
        Write("\r\n");
    }

    private async Task SendAsync()
    {
        if (_held is { } held && !await IsWrittenAsync(held))
        {
            // Which of the changes survive is unknown, and so is what else to answer.
            _answers.SetLength(0);
            Close("error the disk has failed");
        }
        _held = null;
        client.SendingSinceMs = engine.Clock.ElapsedMs;
        for (var sent = 0; sent < _answers.Length;) sent += await socket.SendAsync(_answers.GetBuffer().AsMemory(sent, (int)_answers.Length - sent));
        client.SendingSinceMs = long.MaxValue;
        _answers.SetLength(0);
        if (_answers.Capacity > 4 * MostAnswerBytes) _answers.Capacity = 0;
        _request.SetLength(0);
        if (_request.Capacity > FirstBytes) _request.Capacity = 0;
    }

    // Whether there is any: a line that is longer than allowed has none.
    private bool MakeRoom()
    {
        var used = _end - _start;
        if (used >= MaxLineBytes) return false;
        if (used == 0) (_start, _end) = (0, 0);
        if (used == 0 && _buffer.Length > FirstBytes) Replace(FirstBytes);
        else if (_end == _buffer.Length) Replace(used < _buffer.Length / 2 ? _buffer.Length : Math.Min(used * 2, MaxLineBytes));
        return true;
    }

    private void Replace(int bytes)
    {
        var (buffer, used) = (BufferPool.Rent(bytes), _end - _start);
        _buffer.AsSpan(_start, used).CopyTo(buffer);
        BufferPool.Return(_buffer);
        (_buffer, _start, _end) = (buffer, 0, used);
        client.InputBytes = _buffer.Length + client.Reply.Capacity;
    }
}
