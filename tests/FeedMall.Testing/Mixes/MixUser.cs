using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FeedMall.Testing.Mixes;

/// <summary>
/// One user of a cache with keys of its own, who knows what each must hold: every GET must give back what this user has set last, unless its time has come.
/// Between the earliest and the latest moment at which the server may have started the clock, both answers are right; before and after only one is.
/// </summary>
public sealed class MixUser : IDisposable
{
    private static readonly TimeSpan s_slack = TimeSpan.FromMilliseconds(20); // the server counts whole milliseconds on a clock of its own
    private static readonly int[] s_keyCounts = [1, 10, 100, 1_000];

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly Random _chance;
    private readonly Own[] _keys;
    private readonly byte[] _received = new byte[64 * 1024];
    private readonly MemoryStream _request = new();

    private MixUser(int number)
    {
        _chance = new Random(number);
        // Few keys and many, short ones and long ones.
        _keys = [.. Enumerable.Range(0, s_keyCounts[number % s_keyCounts.Length]).Select(key => new Own($"user:{number}:{key}:".PadRight(16 + _chance.Next(4) * 40, 'k')))];
    }

    /// <summary>How long each command took, by name.</summary>
    public Dictionary<string, List<TimeSpan>> Latencies { get; } = new() { ["GET"] = [], ["SET"] = [], ["EXPIRE"] = [] };

    /// <summary>Keys that hold a value without an expiry.</summary>
    public int Lasting => _keys.Count(key => key.IsThere && key.Earliest is null);

    /// <summary>When the last of its expiries is over.</summary>
    public long LastExpiry => _keys.Max(key => key.IsThere ? key.Latest ?? 0 : 0);

    /// <summary>Connects a user.</summary>
    public static async Task<MixUser> OpenAsync(int port, int number, CancellationToken cancellationToken)
    {
        var user = new MixUser(number);
        await user._socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
        return user;
    }

    /// <summary>Sends commands until the time is over.</summary>
    /// <exception cref="InvalidDataException">An answer was wrong.</exception>
    public async Task RunAsync(Mix mix, MixLoad load, CancellationToken cancellationToken)
    {
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < load.Duration;)
        {
            var (key, choice) = (_keys[_chance.Next(_keys.Length)], _chance.Next(100));
            if (choice < mix.Gets) await GetAsync(key, cancellationToken);
            else if (choice < mix.Gets + mix.Sets) await SetAsync(key, cancellationToken);
            else await ExpireAsync(key, cancellationToken);
            if (load.Pause > TimeSpan.Zero) await Task.Delay(load.Pause, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket.Dispose();
        _request.Dispose();
    }

    private async Task GetAsync(Own key, CancellationToken cancellationToken)
    {
        var (sent, taken, reply) = await AskAsync("GET", cancellationToken, Encoding.ASCII.GetBytes(key.Name));
        var isThere = !reply.Span.SequenceEqual("$-1\r\n"u8);
        Check(key, isThere, sent, taken);
        if (!isThere) return;
        var body = reply.Span[(reply.Span.IndexOf((byte)'\n') + 1)..^2];
        if (!body.SequenceEqual(key.Value)) throw new InvalidDataException($"GET {key.Name}: {body.Length} bytes that this user did not set last ({key.Value.Length} bytes)");
    }

    private async Task SetAsync(Own key, CancellationToken cancellationToken)
    {
        // From one byte to 16 KiB, every order of magnitude as often as the others; one in ten has an expiry at once.
        var value = new byte[1 << _chance.Next(15)];
        _chance.NextBytes(value);
        var milliseconds = _chance.Next(10) == 0 ? _chance.Next(1, 800) : 0;
        byte[][] expiry = milliseconds > 0 ? ["PX"u8.ToArray(), Encoding.ASCII.GetBytes(milliseconds.ToString(CultureInfo.InvariantCulture))] : [];
        var (sent, taken, reply) = await AskAsync("SET", cancellationToken, [Encoding.ASCII.GetBytes(key.Name), value, .. expiry]);
        if (!reply.Span.SequenceEqual("+OK\r\n"u8)) throw new InvalidDataException($"SET {key.Name}: {Encoding.Latin1.GetString(reply.Span)}");
        (key.Value, key.IsThere) = (value, true);
        key.ExpireIn(milliseconds > 0 ? TimeSpan.FromMilliseconds(milliseconds) : null, sent, taken);
    }

    private async Task ExpireAsync(Own key, CancellationToken cancellationToken)
    {
        var (sent, taken, reply) = await AskAsync("EXPIRE", cancellationToken, Encoding.ASCII.GetBytes(key.Name), "1"u8.ToArray());
        var isThere = reply.Span.SequenceEqual(":1\r\n"u8);
        if (!isThere && !reply.Span.SequenceEqual(":0\r\n"u8)) throw new InvalidDataException($"EXPIRE {key.Name}: {Encoding.Latin1.GetString(reply.Span)}");
        Check(key, isThere, sent, taken);
        if (isThere) key.ExpireIn(TimeSpan.FromSeconds(1), sent, taken);
    }

    private static void Check(Own key, bool isThere, long sent, long taken)
    {
        var mustBe = key.IsThere && (key.Earliest is null || taken < key.Earliest - Ticks(s_slack));
        var mustNotBe = !key.IsThere || (key.Latest is { } latest && sent > latest + Ticks(s_slack));
        if (isThere ? mustNotBe : mustBe) throw new InvalidDataException($"{key.Name} is {(isThere ? "there, and should not be" : "not there, and should be")}");
        key.IsThere = isThere;
    }

    private async Task<(long Sent, long Taken, ReadOnlyMemory<byte> Reply)> AskAsync(string command, CancellationToken cancellationToken, params byte[][] arguments)
    {
        _request.SetLength(0);
        Write($"*{arguments.Length + 1}\r\n${command.Length}\r\n{command}\r\n");
        foreach (var argument in arguments)
        {
            Write($"${argument.Length}\r\n");
            _request.Write(argument);
            Write("\r\n");
        }
        var sent = Stopwatch.GetTimestamp();
        await _socket.SendAsync(_request.GetBuffer().AsMemory(0, (int)_request.Length), cancellationToken);
        var length = 0;
        while (!IsWhole(_received.AsSpan(0, length)))
        {
            var received = await _socket.ReceiveAsync(_received.AsMemory(length), cancellationToken);
            if (received == 0) throw new InvalidDataException($"The server closed the connection instead of answering {command}");
            length += received;
        }
        var taken = Stopwatch.GetTimestamp();
        Latencies[command].Add(Stopwatch.GetElapsedTime(sent, taken));
        return (sent, taken, _received.AsMemory(0, length));
    }

    private void Write(string text)
    {
        Span<byte> bytes = stackalloc byte[64];
        _request.Write(bytes[..Encoding.ASCII.GetBytes(text, bytes)]);
    }

    private static bool IsWhole(ReadOnlySpan<byte> reply)
    {
        var end = reply.IndexOf((byte)'\n');
        if (end < 0) return false;
        if (reply[0] != '$' || reply[1] == '-') return end == reply.Length - 1;
        return reply.Length == end + 1 + int.Parse(reply[1..(end - 1)], CultureInfo.InvariantCulture) + 2;
    }

    private static long? Ticks(TimeSpan? span) => span is { } time ? (long)(time.TotalSeconds * Stopwatch.Frequency) : null;

    private sealed class Own(string name)
    {
        public string Name => name;

        public byte[] Value { get; set; } = [];

        public bool IsThere { get; set; }

        public long? Earliest { get; private set; }

        public long? Latest { get; private set; }

        public void ExpireIn(TimeSpan? time, long sent, long taken) => (Earliest, Latest) = (sent + Ticks(time), taken + Ticks(time));
    }
}
