using System.Net;
using FeedMall.Rpc.Client;
using FeedMall.Tests.Rpc.Proto;
using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FeedMall.Tests.Rpc.Fuzz;

/// <summary>Readers that wait: their writers wait too, in bounded memory, and nobody else does.</summary>
[Collection(FuzzCollection.Name)]
public sealed class FlowControlTests(ITestOutputHelper output)
{
    private const int MessageBytes = 64 * 1024;
    private const int Window = 65_535;
    // What Kestrel takes from a method before the connection does: its output buffer of 64 KiB and the message that filled it.
    private const long MostAhead = Window + 3L * MessageBytes;
    private const string Count = "/feedmall.tests.rpc.Echo/Count";
    private const string Say = "/feedmall.tests.rpc.Echo/Say";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stream_of_a_gigabyte_is_never_further_ahead_of_its_reader_than_the_window_and_a_few_messages()
    {
        const long Total = 1L << 30;
        await using var host = await StartAsync();
        var written = Produce(host.Script, Total);
        using var connection = await RawConnection.OpenAsync(Address(host), Window);
        connection.KeepsData = false;
        var baseline = Watch.SettledBytes();
        await connection.WriteAsync(Traffic.Call(Count, 1, Mutator.Framed(0, [])));
        long received = 0, granted = Window, mostAhead = 0, mostMemory = 0;
        while (!connection.Frames.Any(frame => frame is { Stream: 1, Type: Frame.Headers } && (frame.Flags & Frame.EndStream) != 0))
        {
            // Everything that may come has come, so the writer stands before the reader does anything for it.
            Assert.True(await connection.ReadUntilAsync(frame => frame.Stream == 1 && (connection.Received.GetValueOrDefault(1) == granted || (frame.Flags & Frame.EndStream) != 0)));
            received = connection.Received[1];
            mostAhead = Math.Max(mostAhead, written() - received);
            if (received / (128 << 20) != (received - Window) / (128 << 20)) mostMemory = Math.Max(mostMemory, Watch.SettledBytes() - baseline);
            granted += Window;
            await connection.WriteAsync(Frame.WindowUpdateOf(1, Window));
        }
        output.WriteLine($"{received >> 20} MiB received, at most {mostAhead / 1024} KiB ahead, at most {mostMemory / 1024} KiB of memory");
        Assert.Equal("0", connection.StatusOf(1));
        Assert.InRange(received, Total, long.MaxValue);
        Assert.InRange(mostAhead, 1, MostAhead);
        Assert.InRange(mostMemory, long.MinValue, 8 << 20);
    }

    [Fact]
    public async Task A_reader_that_waits_stops_its_writer_and_no_other_call_of_the_connection()
    {
        await using var host = await StartAsync();
        var written = Produce(host.Script, long.MaxValue);
        using var connection = await RawConnection.OpenAsync(Address(host), Window);
        await connection.WriteAsync(Traffic.Call(Count, 1, Mutator.Framed(0, [])));
        Assert.True(await connection.ReadUntilAsync(_ => connection.Received.GetValueOrDefault(1) == Window));
        for (var stream = 3; stream < 403; stream += 2)
        {
            await connection.WriteAsync(Traffic.Call(Say, stream, Mutator.Framed(0, new EchoRequest { Text = "other" }.ToByteArray())));
            Assert.True(await connection.ReadStreamAsync(stream));
            Assert.Equal("0", connection.StatusOf(stream));
        }
        Assert.Equal(Window, connection.Received[1]);
        Assert.InRange(written(), Window, Window + MostAhead);
        // It goes on where it stood.
        await connection.WriteAsync(Frame.WindowUpdateOf(1, Window));
        Assert.True(await connection.ReadUntilAsync(_ => connection.Received[1] == 2 * Window));
        await connection.WriteAsync(Frame.ResetOf(1, 8));
    }

    [Fact]
    public async Task A_stream_that_our_client_does_not_read_stops_its_writer_and_no_other_call_of_the_connection()
    {
        const long LargestWindow = 16 << 20;
        await using var host = await StartAsync(options => options.ConfigureHandler = handler => handler.EnableMultipleHttp2Connections = false);
        var written = Produce(host.Script, long.MaxValue);
        using var requests = Gauge.Requests(host);
        using (var slow = host.Client.Count(new EchoRequest(), cancellationToken: Token))
        {
            Assert.True(await slow.ResponseStream.MoveNext(Token));
            for (var i = 0; i < 200; i++) Assert.Equal("other", (await host.Client.SayAsync(new EchoRequest { Text = "other" }, cancellationToken: Token)).Text);
            long read = MessageBytes, mostAhead = 0;
            for (var i = 0; i < 2000; i++)
            {
                Assert.True(await slow.ResponseStream.MoveNext(Token));
                read += MessageBytes;
                mostAhead = Math.Max(mostAhead, written() - read);
            }
            output.WriteLine($"at most {mostAhead / 1024} KiB ahead");
            Assert.InRange(mostAhead, 1, LargestWindow + MostAhead);
        }
        await requests.ReachesAsync(0);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task Requests_that_the_server_does_not_read_stop_their_writer_and_no_other_call_of_the_connection()
    {
        // Kestrel's window of one stream is 768 KiB, twice that with what is on its way; beside it one message stands in each buffer.
        const long KestrelsWindow = 2 * 768 * 1024;
        await using var host = await StartAsync(options => options.ConfigureHandler = handler => handler.EnableMultipleHttp2Connections = false);
        using var mayRead = new SemaphoreSlim(0);
        var read = 0L;
        host.Script.Gather = async (requests, context) =>
        {
            await context.WriteResponseHeadersAsync([]);
            await mayRead.WaitAsync(context.CancellationToken);
            while (await requests.MoveNext(CancellationToken.None))
            {
                Interlocked.Add(ref read, MessageBytes);
                await mayRead.WaitAsync(context.CancellationToken);
            }
            return new EchoResponse();
        };
        using var slow = host.Client.Gather(cancellationToken: Token);
        await slow.ResponseHeadersAsync;
        var (written, mostAhead) = (0L, 0L);
        var request = new EchoRequest { Payload = ByteString.CopyFrom(new byte[MessageBytes]) };
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < 1000; i++)
            {
                await slow.RequestStream.WriteAsync(request, Token);
                mostAhead = Math.Max(mostAhead, Interlocked.Add(ref written, MessageBytes) - Interlocked.Read(ref read));
            }
            await slow.RequestStream.CompleteAsync();
        }, Token);
        for (var i = 0; i < 200; i++) Assert.Equal("other", (await host.Client.SayAsync(new EchoRequest { Text = "other" }, cancellationToken: Token)).Text);
        Assert.False(writing.IsCompleted);
        for (var i = 0; i <= 1000; i++) mayRead.Release();
        await writing;
        await slow;
        output.WriteLine($"at most {mostAhead / 1024} KiB ahead");
        Assert.InRange(mostAhead, 1, KestrelsWindow + 3 * MessageBytes);
        Assert.Empty(host.Errors);
    }

    private static Task<EchoHost> StartAsync(Action<GrpcClientOptions>? client = null) => EchoHost.StartAsync(
        server: options => options.DefaultStreamTimeout = TimeSpan.FromMinutes(5),
        client: options =>
        {
            options.DefaultTimeout = TimeSpan.FromMinutes(1);
            client?.Invoke(options);
        },
        services: services => services.Configure<LoggerFilterOptions>(options => options.MinLevel = LogLevel.Warning));

    // A method that writes as fast as it may; the result tells how many bytes it has begun to write.
    private static Func<long> Produce(EchoScript script, long total)
    {
        var written = 0L;
        var message = new EchoResponse { Payload = ByteString.CopyFrom(new byte[MessageBytes]) };
        script.Count = async (_, responses, _) =>
        {
            for (var sent = 0L; sent < total; sent += MessageBytes)
            {
                Interlocked.Add(ref written, MessageBytes);
                await responses.WriteAsync(message);
            }
        };
        return () => Interlocked.Read(ref written);
    }

    private static IPEndPoint Address(EchoHost host) => new(IPAddress.Loopback, host.Address.Port);
}
