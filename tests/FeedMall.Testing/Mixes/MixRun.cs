using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace FeedMall.Testing.Mixes;

/// <summary>All users of a load at once.</summary>
public static class MixRun
{
    /// <summary>Empties the server, runs a mix, then waits until the last expiry is over.</summary>
    /// <exception cref="InvalidDataException">A user was answered wrongly.</exception>
    public static async Task<MixResult> RunAsync(int port, Mix mix, MixLoad load, CancellationToken cancellationToken)
    {
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
            await client.GetStream().WriteAsync("FLUSHALL\r\n"u8.ToArray(), cancellationToken);
            await client.GetStream().ReadExactlyAsync(new byte["+OK\r\n".Length], cancellationToken);
        }
        var users = await Task.WhenAll(Enumerable.Range(0, load.Users).Select(number => MixUser.OpenAsync(port, number, cancellationToken)));
        try
        {
            var began = Stopwatch.GetTimestamp();
            await Task.WhenAll(users.Select(user => Task.Run(() => user.RunAsync(mix, load, cancellationToken), cancellationToken)));
            var elapsed = Stopwatch.GetElapsedTime(began);
            var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), users.Max(user => user.LastExpiry));
            if (left > TimeSpan.Zero) await Task.Delay(left, cancellationToken);
            var latencies = users[0].Latencies.Keys.ToDictionary(command => command, command => users.SelectMany(user => user.Latencies[command]).Order().ToArray());
            return new MixResult(elapsed, latencies, users.Sum(user => user.Lasting));
        }
        finally
        {
            foreach (var user in users) user.Dispose();
        }
    }
}
