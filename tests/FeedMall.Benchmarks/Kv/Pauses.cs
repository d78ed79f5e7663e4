using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FeedMall.Benchmarks.Kv;

/// <summary>How long one client waits for PING, over and over, while another one has all data flushed.</summary>
internal static class Pauses
{
    private static readonly TimeSpan Before = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan After = TimeSpan.FromSeconds(2.5); // what is done in the background must be seen too

    public static async Task<string> MeasureAsync(KvPlan plan)
    {
        var text = new StringBuilder()
            .AppendLine("## Flushing and other long commands").AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"One command that is about {plan.Entries:N0} entries or members of a set, while another client sends PING without a pause. FLUSHALL takes them all out, KEYS looks at every key and")
            .AppendLine("finds none, DEL and UNLINK delete the set, SRANDMEMBER with -1000000 chooses a million times; its reply is timed until the first line.").AppendLine()
            .AppendLine("| command | server | reply after ms | another client's longest PING ms | its median ms |").AppendLine("| --- | --- | ---: | ---: | ---: |");
        await using var servers = await KvServers.StartAsync();
        foreach (var command in new[] { "FLUSHALL", "FLUSHALL ASYNC", "KEYS none*", "SRANDMEMBER set -1000000", "DEL set", "UNLINK set" })
        {
            foreach (var server in servers.All)
            {
                if (command.EndsWith("set", StringComparison.Ordinal) || command.Contains(" set ", StringComparison.Ordinal)) await KvServers.FillSetAsync(server, plan.Entries);
                else await KvServers.FillAsync(server, plan.Entries);
                text.AppendLine(await MeasureAsync(server.Name, server.Port, command));
            }
        }
        return text.ToString();
    }

    private static async Task<string> MeasureAsync(string name, int port, string command)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        using var end = new CancellationTokenSource();
        var pinging = Task.Factory.StartNew(() => Ping(port, end.Token), TaskCreationOptions.LongRunning);
        await Task.Delay(Before);
        var began = Stopwatch.GetTimestamp();
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"));
        for (var letter = new byte[1]; letter[0] != '\n';) await client.GetStream().ReadExactlyAsync(letter);
        var replied = Stopwatch.GetElapsedTime(began);
        await Task.Delay(After);
        await end.CancelAsync();
        var took = await pinging;
        return FormattableString.Invariant($"| {command} | {name} | {replied.TotalMilliseconds:0.0} | {took[^1]:0.0} | {took[took.Count / 2]:0.000} |");
    }

    // A thread of its own, so that this process adds as little as it can.
    private static List<double> Ping(int port, CancellationToken end)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(IPAddress.Loopback, port);
        var reply = new byte[7];
        var took = new List<double>();
        while (!end.IsCancellationRequested)
        {
            var began = Stopwatch.GetTimestamp();
            socket.Send("PING\r\n"u8);
            for (var read = 0; read < reply.Length;) read += socket.Receive(reply.AsSpan(read));
            took.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }
        took.Sort();
        return took;
    }
}
