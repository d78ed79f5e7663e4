using System.Collections.Concurrent;
using System.Net.Sockets;
using FeedMall.Testing;
using FeedMall.Tests.Rpc.Proto;
using Google.Protobuf;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FeedMall.Tests.Rpc.Fuzz;

/// <summary>Broken traffic of every kind at a real server.</summary>
[Collection(FuzzCollection.Name)]
public sealed class ServerFuzzTests(ITestOutputHelper output)
{
    private const int Inputs = 100_000;
    private const int InputsBetweenControls = 1_000;
    // Few, as most do not survive more; and fewer than the streams that Kestrel lets one connection have.
    private const int MostInputsPerConnection = 6;
    private const int Workers = 4;
    private const long MayKeepBytes = 8 << 20;
    private const int MostMessageBytes = 256 * 1024;
    private static readonly string[] s_paths = ["/feedmall.tests.rpc.Echo/Say", "/feedmall.tests.rpc.Echo/Count", "/feedmall.tests.rpc.Echo/Gather", "/feedmall.tests.rpc.Echo/Chat"];

    private readonly ConcurrentDictionary<string, int> _statuses = new();
    private int _sent;
    private int _sessions;
    private int _closed;
    private int _survived;

    [Fact]
    public async Task A_hundred_thousand_broken_requests_leave_a_server_that_serves_and_has_nothing_left_of_them()
    {
        using var watch = new Watch();
        using var folder = new TemporaryFolder();
        var address = new UnixDomainSocketEndPoint(Path.Combine(folder.Path, "fuzz"));
        await using var host = await EchoHost.StartAsync(
            server: options => options.MaxReceiveMessageBytes = MostMessageBytes,
            services: services => services
                .Configure<LoggerFilterOptions>(options => options.MinLevel = LogLevel.Warning)
                .Configure<KestrelServerOptions>(options => options.ListenUnixSocket(address.ToString(), listen => listen.Protocols = HttpProtocols.Http2)));
        Bound(host.Script);
        using var requests = Gauge.Requests(host);
        using var connections = Gauge.Connections(host);
        await ControlAsync(host);
        await RunAsync(host, address, Inputs / 20);
        var baseline = Watch.SettledBytes();

        var started = TimeProvider.System.GetTimestamp();
        _sent = _closed = _survived = 0;
        await RunAsync(host, address, Inputs);
        var statuses = string.Join(", ", _statuses.OrderByDescending(status => status.Value).Select(status => $"{status.Key} × {status.Value}"));
        output.WriteLine($"seed {FuzzCollection.Seed}: {_sent} inputs in {TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s, {_closed} closed their connection, "
            + $"{_survived} connections answered correctly at their end, at most {requests.Highest} requests at once, {(Watch.SettledBytes() - baseline) / 1024} KiB more than before; statuses {statuses}");

        await requests.ReachesAsync(0);
        // The one of the control calls.
        await connections.ReachesAsync(1);
        await ControlAsync(host);
        Assert.Empty(Defects(host));
        watch.AssertBack(baseline, MayKeepBytes);
        Assert.True(_survived > Inputs / 100, "Hardly any connection lived long enough to show that its calls are still right.");
        // OK, too large, unknown, malformed: what is broken gets as far as the parts that judge it.
        Assert.All(["0", "8", "12", "13"], status => Assert.True(_statuses.GetValueOrDefault(status) > Inputs / 1000, $"Status {status} is hardly ever given: {statuses}."));
    }

    // Kestrel says this when it closes a connection that makes it answer more than it reads: that is its protection, and no defect.
    private static IEnumerable<LogRecord> Defects(EchoHost host) =>
        host.Errors.Where(record => !record.Text.Contains("exceeded the output operations maximum queue size", StringComparison.Ordinal));

    private Task RunAsync(EchoHost host, UnixDomainSocketEndPoint address, int inputs) => Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(async () =>
    {
        while (Volatile.Read(ref _sent) < inputs)
        {
            var sent = await SessionAsync(Interlocked.Increment(ref _sessions), address);
            var all = Interlocked.Add(ref _sent, sent);
            if (all / InputsBetweenControls == (all - sent) / InputsBetweenControls) continue;
            await ControlAsync(host);
            Assert.Empty(Defects(host));
        }
    })));

    // One connection: inputs until it is closed or has had enough of them. Depends on the seed and the number alone.
    private async Task<int> SessionAsync(int number, UnixDomainSocketEndPoint address)
    {
        var mutator = new Mutator(unchecked(FuzzCollection.Seed + number * 7919));
        byte[] input = [];
        var sent = 0;
        try
        {
            using var connection = await RawConnection.OpenAsync(address);
            var most = mutator.Random.Next(1, MostInputsPerConnection + 1);
            while (sent < most && connection.LastStream < int.MaxValue - 4)
            {
                input = mutator.Request(s_paths[mutator.Random.Next(s_paths.Length)], connection.LastStream + 2 | 1);
                sent++;
                if (await connection.TrySendAsync(input)) continue;
                Interlocked.Increment(ref _closed);
                CountStatuses(connection);
                return sent;
            }
            if (connection.IsPlain && connection.LastStream < int.MaxValue - 4) await AssertServesAsync(connection);
            // Else the connection is dropped with whatever runs on it.
            if (mutator.Random.Next(2) == 0) await connection.EndAsync();
            CountStatuses(connection);
            return sent;
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException($"seed {FuzzCollection.Seed}, session {number}, input {sent}: {Convert.ToHexString(input)}", exception);
        }
    }

    // A connection that was not closed is whole: a correct call on it is answered correctly.
    private async Task AssertServesAsync(RawConnection connection)
    {
        var stream = connection.LastStream + 2 | 1;
        var message = new EchoRequest { Text = $"after {stream}" }.ToByteArray();
        await connection.WriteAsync(Traffic.Call(s_paths[0], stream, Mutator.Framed(0, message)));
        Assert.True(await connection.ReadStreamAsync(stream));
        Assert.Equal("0", connection.StatusOf(stream));
        Assert.Equal(Mutator.Framed(0, message), connection.Frames.Where(frame => frame.Type == Frame.Data && frame.Stream == stream).SelectMany(frame => frame.Payload));
        Interlocked.Increment(ref _survived);
    }

    private void CountStatuses(RawConnection connection)
    {
        foreach (var frame in connection.Frames)
        {
            if (frame.Type == Frame.Headers && HeaderBlock.Find(frame.Payload, "grpc-status") is { } status) _statuses.AddOrUpdate(status, 1, static (_, count) => count + 1);
        }
    }

    private static async Task ControlAsync(EchoHost host) =>
        Assert.Equal("control", (await host.Client.SayAsync(new EchoRequest { Text = "control" })).Text);

    // A broken number must not ask for two thousand million answers.
    private static void Bound(EchoScript script)
    {
        var count = script.Count;
        script.Count = (request, responses, context) =>
        {
            request.Count = Math.Min(request.Count, 8);
            return count(request, responses, context);
        };
    }
}
