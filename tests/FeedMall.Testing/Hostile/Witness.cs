using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace FeedMall.Testing.Hostile;

/// <summary>A well-behaved client that pings a RESP server while others attack it.</summary>
public static class Witness
{
    /// <summary>Pings, a pause of a millisecond between, until it is told to end; every ping must be answered, and rightly.</summary>
    /// <returns>How long each took, sorted.</returns>
    public static async Task<IReadOnlyList<TimeSpan>> PingAsync(int port, CancellationToken end, CancellationToken cancellationToken)
    {
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
        var (stream, reply, took) = (client.GetStream(), new byte[7], new List<TimeSpan>());
        while (!end.IsCancellationRequested)
        {
            var sent = Stopwatch.GetTimestamp();
            await stream.WriteAsync("PING\r\n"u8.ToArray(), cancellationToken);
            await stream.ReadExactlyAsync(reply, cancellationToken);
            took.Add(Stopwatch.GetElapsedTime(sent));
            if (!reply.AsSpan().SequenceEqual("+PONG\r\n"u8)) throw new InvalidDataException("PING was not answered with PONG");
            await Task.Delay(1, CancellationToken.None);
        }
        took.Sort();
        return took;
    }
}
