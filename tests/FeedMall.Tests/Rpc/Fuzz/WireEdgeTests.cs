using System.Net;
using FeedMall.Tests.Rpc.Proto;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace FeedMall.Tests.Rpc.Fuzz;

/// <summary>Traffic that is right but at the edge of what is, frame by frame.</summary>
public sealed class WireEdgeTests
{
    private const string Say = "/feedmall.tests.rpc.Echo/Say";
    private const string Gather = "/feedmall.tests.rpc.Echo/Gather";
    private const int LongValue = 63 * 1024;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_call_is_understood_wherever_its_bytes_are_cut()
    {
        await using var host = await EchoHost.StartAsync();
        using var connection = await OpenAsync(host);
        var body = Mutator.Framed(0, new EchoRequest { Text = "cut" }.ToByteArray());
        var length = Frame.Join(Traffic.Call(Say, 1, body)).Length;
        for (var (cut, stream) = (1, 1); cut < length; (cut, stream) = (cut + 1, stream + 2))
        {
            var bytes = Frame.Join(Traffic.Call(Say, stream, body));
            await connection.WriteAsync(bytes.AsMemory(0, cut));
            await connection.WriteAsync(bytes.AsMemory(cut));
            await AssertAnsweredAsync(connection, stream, body);
        }
    }

    [Fact]
    public async Task A_message_is_understood_wherever_its_frames_are_cut()
    {
        await using var host = await EchoHost.StartAsync();
        using var connection = await OpenAsync(host);
        var body = Mutator.Framed(0, new EchoRequest { Text = "cut" }.ToByteArray());
        for (var (cut, stream) = (0, 1); cut <= body.Length; (cut, stream) = (cut + 1, stream + 2))
        {
            await connection.WriteAsync(Traffic.Begin(Say, stream), new Frame(Frame.Data, 0, stream, body[..cut]));
            Assert.True(await connection.TryPingAsync());
            await connection.WriteAsync(new Frame(Frame.Data, Frame.EndStream, stream, body[cut..]));
            await AssertAnsweredAsync(connection, stream, body);
        }
    }

    [Fact]
    public async Task A_header_of_63_KiB_in_continuations_is_read_where_the_server_allows_it()
    {
        await using var host = await EchoHost.StartAsync(services: services => services.Configure<KestrelServerOptions>(kestrel =>
            (kestrel.Limits.MaxRequestHeadersTotalSize, kestrel.Limits.Http2.MaxRequestHeaderFieldSize) = (128 * 1024, 65 * 1024)));
        host.Script.Say = (_, context) => Task.FromResult(new EchoResponse { Number = context.RequestHeaders.GetValue("x-long")!.Length });
        using var connection = await OpenAsync(host);
        await connection.WriteAsync([.. LongHeader(1), new(Frame.Data, Frame.EndStream, 1, Mutator.Framed(0, []))]);
        await AssertAnsweredAsync(connection, 1, Mutator.Framed(0, new EchoResponse { Number = LongValue }.ToByteArray()));
    }

    [Fact]
    public async Task A_header_of_63_KiB_is_refused_by_default_and_no_more_of_it_is_kept_than_is_allowed()
    {
        await using var host = await EchoHost.StartAsync();
        using (var connection = await OpenAsync(host))
        {
            await connection.TrySendAsync(Frame.Join([.. LongHeader(1), new Frame(Frame.Data, Frame.EndStream, 1, Mutator.Framed(0, []))]));
            Assert.NotEqual("0", connection.StatusOf(1));
        }
        Assert.Equal("ok", (await host.Client.SayAsync(new EchoRequest { Text = "ok" }, cancellationToken: Token)).Text);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task Headers_without_end_are_cut_off()
    {
        await using var host = await EchoHost.StartAsync();
        using var connection = await OpenAsync(host);
        await connection.WriteAsync(Traffic.Begin(Say, 1) with { Flags = 0 });
        var more = new Frame(Frame.Continuation, 0, 1, HeaderBlock.Encode([("x-more", new string('a', 1000))]));
        var sent = 0;
        try
        {
            for (; sent < 10_000; sent++) await connection.WriteAsync(more);
        }
        catch (IOException)
        {
            // The server has closed.
        }
        await connection.ReadToEndAsync();
        Assert.InRange(sent, 1, 9_999);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task A_length_of_four_gigabytes_is_refused_before_anything_of_it_arrives()
    {
        await using var host = await EchoHost.StartAsync();
        using var connection = await OpenAsync(host);
        await connection.WriteAsync(Traffic.Begin(Say, 1), new Frame(Frame.Data, 0, 1, [0, 0xFF, 0xFF, 0xFF, 0xFF]));
        Assert.True(await connection.ReadStreamAsync(1));
        Assert.Equal("8", connection.StatusOf(1));
    }

    [Fact]
    public async Task A_call_that_is_reset_in_the_middle_of_a_message_ends_and_its_connection_goes_on()
    {
        await using var host = await EchoHost.StartAsync();
        using var requests = Gauge.Requests(host);
        using var connection = await OpenAsync(host);
        var body = Mutator.Framed(0, new EchoRequest { Text = "after" }.ToByteArray());
        for (var stream = 1; stream < 100; stream += 2)
            await connection.WriteAsync(Traffic.Begin(stream % 4 == 1 ? Say : Gather, stream), new Frame(Frame.Data, 0, stream, body[..(stream % body.Length)]), Frame.ResetOf(stream, 8));
        await connection.WriteAsync(Traffic.Call(Say, 101, body));
        await AssertAnsweredAsync(connection, 101, body);
        await requests.ReachesAsync(0);
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task A_method_that_answers_without_reading_leaves_its_connection_usable()
    {
        await using var host = await EchoHost.StartAsync();
        host.Script.Gather = (_, _) => throw new RpcException(new Status(StatusCode.FailedPrecondition, "unread"));
        using var connection = await OpenAsync(host);
        var body = Mutator.Framed(0, new EchoRequest { Text = "after" }.ToByteArray());
        await connection.WriteAsync(Traffic.Begin(Gather, 1), new Frame(Frame.Data, 0, 1, new byte[16_000]), new Frame(Frame.Data, 0, 1, new byte[16_000]));
        Assert.True(await connection.ReadUntilAsync(frame => frame is { Type: Frame.Headers, Stream: 1 }));
        Assert.Equal("9", connection.StatusOf(1));
        await connection.WriteAsync(Traffic.Call(Say, 3, body));
        await AssertAnsweredAsync(connection, 3, body);
    }

    [Fact]
    public async Task A_server_that_closes_with_data_unread_ends_the_call_and_the_next_one_works()
    {
        var calls = 0;
        await using var server = new RawServer(stream => ++calls == 1
            ? ([], Then.Close)
            : (Frame.Join(Traffic.Answer(stream, Mutator.Framed(0, []))), Then.Wait));
        await using var clients = Clients(server);
        var client = clients.GetRequiredService<Echo.EchoClient>();
        var large = new EchoRequest { Payload = ByteString.CopyFrom(new byte[4_000_000]) };
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(async () => await client.SayAsync(large, cancellationToken: Token))).StatusCode);
        Assert.NotNull(await client.SayAsync(new EchoRequest(), cancellationToken: Token));
    }

    [Fact]
    public async Task A_writer_hears_at_once_that_the_server_takes_no_more_though_nobody_reads_the_answer()
    {
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var peer = await PeerHost.StartAsync(async http =>
        {
            http.Response.ContentType = "application/grpc";
            await http.Response.Body.FlushAsync();
            await go.Task;
            http.Features.Get<IHttpResetFeature>()!.Reset(8);
        });
        using var chat = peer.Client.Chat(cancellationToken: Token);
        await chat.ResponseHeadersAsync;
        // More than the window, so it can only end by what the server says.
        var large = new EchoRequest { Payload = ByteString.CopyFrom(new byte[4_000_000]) };
        var writing = chat.RequestStream.WriteAsync(large);
        go.SetResult();
        var error = await Assert.ThrowsAsync<RpcException>(() => writing.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => chat.RequestStream.WriteAsync(large))).StatusCode);
    }

    [Fact]
    public async Task Response_headers_far_over_the_limit_break_their_connection_and_the_next_call_has_a_new_one()
    {
        await using var host = await EchoHost.StartAsync();
        var calls = 0;
        host.Script.Say = async (_, context) =>
        {
            calls++;
            await context.WriteResponseHeadersAsync(new Metadata { { "x-long", new string('a', 2 * LongValue) } });
            return new EchoResponse();
        };
        var error = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token));
        Assert.Equal((StatusCode.Unavailable, 1), (error.StatusCode, calls));
        host.Script.Say = (_, _) => Task.FromResult(new EchoResponse { Text = "after" });
        Assert.Equal("after", (await host.Client.SayAsync(new EchoRequest(), cancellationToken: Token)).Text);
    }

    [Fact]
    public async Task A_method_with_a_long_name_that_nobody_knows_is_unimplemented_and_not_a_broken_connection()
    {
        await using var host = await EchoHost.StartAsync();
        using var http = RawGrpc.CreateClient();
        using var response = await http.SendAsync(RawGrpc.Request(host.Address, "/nope.Nope/" + new string('a', 7000), []), Token);
        Assert.Equal("12", RawGrpc.StatusOf(response));
        Assert.InRange(response.Headers.GetValues("grpc-message").Single().Length, 1, 2048);
    }

    private static ServiceProvider Clients(RawServer server) => EchoHost.CreateClients(new Uri("http://raw"), options => options.Connect = server.ConnectAsync);

    private static Task<RawConnection> OpenAsync(EchoHost host) => RawConnection.OpenAsync(new IPEndPoint(IPAddress.Loopback, host.Address.Port));

    private static async Task AssertAnsweredAsync(RawConnection connection, int stream, byte[] body)
    {
        Assert.True(await connection.ReadStreamAsync(stream));
        Assert.Equal("0", connection.StatusOf(stream));
        Assert.Equal(body, connection.Frames.Where(frame => frame.Type == Frame.Data && frame.Stream == stream).SelectMany(frame => frame.Payload));
    }

    private static IEnumerable<Frame> LongHeader(int stream)
    {
        const int MaxFrame = 16_384;
        var block = Traffic.Begin(Say, stream, ("x-long", new string('a', LongValue))).Payload;
        for (var at = 0; at < block.Length; at += MaxFrame)
        {
            var isLast = at + MaxFrame >= block.Length;
            yield return new Frame(at == 0 ? Frame.Headers : Frame.Continuation, isLast ? Frame.EndHeaders : (byte)0, stream, block[at..(isLast ? block.Length : at + MaxFrame)]);
        }
    }
}
