using System.Buffers.Text;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FeedMall.Resilience.Queueing;

namespace FeedMall.Benchmarks.Overload;

/// <summary>What came back.</summary>
/// <param name="Status">The HTTP status; 0: nothing, or not whole.</param>
/// <param name="Reason">Of a failure, from the envelope; of a success null, or that it is degraded.</param>
/// <param name="Mechanism">The protection that has decided last, from X-FeedMall-Decision; null: none.</param>
internal readonly record struct Reply(int Status, string? Reason, string? Mechanism = null)
{
    public static Reply None => new(0, "no answer");
}

/// <summary>
/// One HTTP/1.1 connection that asks for posts, one request at a time. Made for this benchmark only: it costs the machine little, so that most of it is left to the
/// servers.
/// </summary>
internal sealed class HttpCaller(IPEndPoint target) : IDisposable
{
    private const int MaxReplyBytes = 64 * 1024;

    private readonly Socket _socket = new(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _request = new byte[512];
    private byte[] _reply = new byte[2048];

    /// <summary>Whether another request may be sent.</summary>
    public bool IsUsable { get; private set; } = true;

    public async Task<Reply> GetPostAsync(long id, Criticality tier, int client)
    {
        var reply = Reply.None;
        try
        {
            if (!_socket.Connected) await _socket.ConnectAsync(target);
            await _socket.SendAsync(_request.AsMemory(0, Write(id, tier, client)));
            reply = await ReceiveAsync();
        }
        catch (Exception broken) when (broken is SocketException or ObjectDisposedException)
        {
            // Closed by the server, or by us because it took too long.
        }
        IsUsable &= reply.Status != 0;
        return reply;
    }

    /// <summary>Ends it, also while it waits.</summary>
    public void Dispose()
    {
        IsUsable = false;
        _socket.Dispose();
    }

    private int Write(long id, Criticality tier, int client)
    {
        var at = 0;
        void Add(ReadOnlySpan<byte> text)
        {
            text.CopyTo(_request.AsSpan(at));
            at += text.Length;
        }
        void AddNumber(long number)
        {
            Utf8Formatter.TryFormat(number, _request.AsSpan(at), out var length);
            at += length;
        }
        Add("GET /v1/feed/posts/"u8);
        AddNumber(id);
        // As behind a proxy on this machine, which the Bff trusts.
        Add(" HTTP/1.1\r\nHost: bff\r\nX-Forwarded-For: 10.0."u8);
        AddNumber(client / 250);
        Add("."u8);
        AddNumber(client % 250);
        Add("\r\nx1-mio-criticality: "u8);
        at += Encoding.ASCII.GetBytes(tier.Text(), _request.AsSpan(at));
        Add("\r\n\r\n"u8);
        return at;
    }

    private async Task<Reply> ReceiveAsync()
    {
        var length = 0;
        while (true)
        {
            var received = await _socket.ReceiveAsync(_reply.AsMemory(length));
            if (received == 0) return Reply.None;
            length += received;
            if (IsWhole(_reply.AsSpan(0, length))) return Read(_reply.AsSpan(0, length));
            if (length < _reply.Length) continue;
            if (length >= MaxReplyBytes) return Reply.None;
            Array.Resize(ref _reply, 2 * length);
        }
    }

    private static bool IsWhole(ReadOnlySpan<byte> reply)
    {
        var end = reply.IndexOf("\r\n\r\n"u8);
        if (end < 0) return false;
        var name = "\r\nContent-Length: "u8;
        var at = reply[..end].IndexOf(name);
        if (at < 0) return reply.EndsWith("0\r\n\r\n"u8);
        return Utf8Parser.TryParse(reply[(at + name.Length)..], out int body, out _) && reply.Length >= end + 4 + body;
    }

    private Reply Read(ReadOnlySpan<byte> reply)
    {
        if (reply.IndexOf("\r\nConnection: close"u8) >= 0) IsUsable = false;
        var status = int.Parse(reply[9..12], NumberStyles.None, CultureInfo.InvariantCulture);
        // An old answer or a default in place of the real one is no good answer here: nothing was done for it.
        if (status == 200) return new Reply(status, reply.IndexOf("\r\nX-FeedMall-Degraded: "u8) >= 0 ? "degraded" : null);
        var name = "\"reason\":\""u8;
        var at = reply.IndexOf(name);
        if (at < 0) return new Reply(status, status.ToString(CultureInfo.InvariantCulture));
        var rest = reply[(at + name.Length)..];
        return new Reply(status, Encoding.ASCII.GetString(rest[..rest.IndexOf((byte)'"')]), MechanismOf(reply));
    }

    private static string? MechanismOf(ReadOnlySpan<byte> reply)
    {
        var name = "\r\nX-FeedMall-Decision: "u8;
        var at = reply.LastIndexOf(name);
        if (at < 0) return null;
        var text = reply[(at + name.Length)..];
        return Encoding.ASCII.GetString(text[..text.IndexOf((byte)';')]);
    }
}
