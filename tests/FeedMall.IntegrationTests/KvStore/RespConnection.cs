using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FeedMall.IntegrationTests.KvStore;

/// <summary>A plain connection to a RESP server: sends bytes, and gives back each reply as the bytes that came, CR LF shown as ⏎.</summary>
internal sealed class RespConnection : IDisposable
{
    /// <summary>What is given back when the server has closed the connection.</summary>
    public const string Closed = "<closed>";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private readonly TcpClient _client = new() { NoDelay = true };
    private BufferedStream _stream = null!;

    public static async Task<RespConnection> OpenAsync(int port, CancellationToken cancellationToken)
    {
        var connection = new RespConnection();
        await connection._client.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
        connection._stream = new BufferedStream(connection._client.GetStream());
        return connection;
    }

    /// <summary>Sends text as it is, each letter a byte.</summary>
    public async Task SendRawAsync(string text, CancellationToken cancellationToken)
    {
        try
        {
            await _client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(text), cancellationToken);
        }
        catch (IOException)
        {
            // The server has closed already: the next read says so.
        }
    }

    /// <summary>Sends a command as an array of its words.</summary>
    public Task SendAsync(string[] words, CancellationToken cancellationToken) => SendRawAsync(Encode(words), cancellationToken);

    /// <summary>Sends a command and reads its reply.</summary>
    public async Task<string> AskAsync(string[] words, CancellationToken cancellationToken)
    {
        await SendAsync(words, cancellationToken);
        return await ReadAsync(cancellationToken);
    }

    /// <summary>Sends a command, and its reply must be this one.</summary>
    /// <param name="request">Words as in <see cref="RespStep"/>.</param>
    /// <param name="reply">Without the last line end.</param>
    public async Task ExpectAsync(string request, string reply) =>
        Xunit.Assert.Equal(reply + "⏎", await AskAsync(RespStep.Words(request), Xunit.TestContext.Current.CancellationToken));

    /// <summary>A command as bytes.</summary>
    public static string Encode(string[] words) => $"*{words.Length}\r\n" + string.Concat(words.Select(word => $"${word.Length}\r\n{word}\r\n"));

    /// <summary>Reads one reply with everything that belongs to it.</summary>
    public async Task<string> ReadAsync(CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(s_patience);
        var text = new StringBuilder();
        try
        {
            for (var left = 1L; left > 0; left--) left += await ReadOneAsync(text, timeout.Token);
        }
        catch (Exception end) when (end is EndOfStreamException or IOException)
        {
            return Closed;
        }
        return text.ToString().Replace("\r\n", "⏎", StringComparison.Ordinal);
    }

    public void Dispose() => _client.Dispose();

    // How many replies belong to this one.
    private async Task<long> ReadOneAsync(StringBuilder text, CancellationToken cancellationToken)
    {
        var line = await ReadLineAsync(cancellationToken);
        text.Append(line);
        var length = line.Length > 3 && long.TryParse(line.AsSpan(1, line.Length - 3), out var number) ? number : 0;
        switch (line[0])
        {
            case '$' or '=' or '!' when length >= 0:
                var bytes = new byte[length + 2];
                await _stream.ReadExactlyAsync(bytes, cancellationToken);
                text.Append(Encoding.Latin1.GetString(bytes));
                return 0;
            case '*' or '~' or '>':
                return Math.Max(length, 0);
            case '%':
                return 2 * length;
            default:
                return 0;
        }
    }

    private async Task<string> ReadLineAsync(CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (line.Length < 2 || line[^1] != '\n')
        {
            await _stream.ReadExactlyAsync(one, cancellationToken);
            line.Append((char)one[0]);
        }
        return line.ToString();
    }
}
