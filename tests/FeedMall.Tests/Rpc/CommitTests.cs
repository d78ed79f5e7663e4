using FeedMall.Resilience.Retry;
using FeedMall.Rpc.Client;
using FeedMall.Tests.Rpc.Proto;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>Streams that fail: until when they are sent again, and that a repetition holds everything (ALGORITHMS §8.4).</summary>
public sealed class CommitTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_of_answers_is_not_sent_again_once_its_headers_arrived(bool withMessage)
    {
        await using var peer = await PeerHost.StartAsync(async http =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null);
            await BeginAsync(http);
            if (withMessage) await http.Response.Body.WriteAsync(new byte[5]);
            http.Response.AppendTrailer("grpc-status", "14");
        }, Idempotent);
        using var call = peer.Client.Count(new EchoRequest(), cancellationToken: Token);
        await call.ResponseHeadersAsync;
        if (withMessage) Assert.True(await call.ResponseStream.MoveNext(Token));
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Token))).StatusCode);
        Assert.Single(peer.Calls);
    }

    [Fact]
    public async Task A_message_behind_a_status_in_the_headers_commits_the_stream_too()
    {
        await using var peer = await PeerHost.StartAsync(async http =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null);
            http.Response.Headers["grpc-status"] = "14";
            await BeginAsync(http);
            await http.Response.Body.WriteAsync(new byte[5]);
            http.Response.AppendTrailer("grpc-status", "14");
        }, Idempotent);
        using var call = peer.Client.Count(new EchoRequest(), cancellationToken: Token);
        Assert.True(await call.ResponseStream.MoveNext(Token));
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Token))).StatusCode);
        Assert.Single(peer.Calls);
    }

    [Fact]
    public async Task A_stream_of_answers_that_failed_before_its_headers_is_sent_again()
    {
        var calls = 0;
        await using var peer = await PeerHost.StartAsync(async http =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null);
            if (Interlocked.Increment(ref calls) == 1) Refuse(http);
            else await AnswerAsync(http);
        }, Idempotent);
        using var call = peer.Client.Count(new EchoRequest(), cancellationToken: Token);
        Assert.True(await call.ResponseStream.MoveNext(Token));
        Assert.False(await call.ResponseStream.MoveNext(Token));
        Assert.Equal(2, calls);
    }

    [Fact]
    public async Task A_stream_of_requests_is_sent_again_from_its_first_message_and_goes_on_from_there()
    {
        var (calls, refused) = (0, new TaskCompletionSource());
        var received = new MemoryStream();
        await using var peer = await PeerHost.StartAsync(async http =>
        {
            if (Interlocked.Increment(ref calls) == 1)
            {
                await http.Request.Body.ReadExactlyAsync(new byte[16]);
                Refuse(http);
                await http.Response.CompleteAsync();
                refused.SetResult();
                return;
            }
            await http.Request.Body.CopyToAsync(received);
            await AnswerAsync(http);
        }, Idempotent);
        using var call = peer.Client.Gather(cancellationToken: Token);
        await call.RequestStream.WriteAsync(new EchoRequest { Text = "a" }, Token);
        await call.RequestStream.WriteAsync(new EchoRequest { Text = "b" }, Token);
        await refused.Task.WaitAsync(Token);
        await call.RequestStream.WriteAsync(new EchoRequest { Text = "c" }, Token);
        await call.RequestStream.CompleteAsync();
        await call;
        Assert.Equal("00000000030a0161" + "00000000030a0162" + "00000000030a0163", Convert.ToHexStringLower(received.ToArray()));
        Assert.Equal(["", "1"], peer.Calls.Select(headers => headers["grpc-previous-rpc-attempts"].ToString()));
    }

    [Fact]
    public async Task A_server_that_answers_the_repetition_before_it_has_read_it_still_gets_every_message()
    {
        var calls = 0;
        var received = new MemoryStream();
        await using var peer = await PeerHost.StartAsync(async http =>
        {
            if (Interlocked.Increment(ref calls) == 1)
            {
                await http.Request.Body.ReadExactlyAsync(new byte[24]);
                Refuse(http);
                return;
            }
            await BeginAsync(http);
            await http.Request.Body.CopyToAsync(received);
            await AnswerAsync(http);
        }, Idempotent);
        using var call = peer.Client.Gather(cancellationToken: Token);
        foreach (var text in new[] { "a", "b", "c" }) await call.RequestStream.WriteAsync(new EchoRequest { Text = text }, Token);
        await call.ResponseHeadersAsync;
        await call.RequestStream.CompleteAsync();
        await call;
        Assert.Equal("00000000030a0161" + "00000000030a0162" + "00000000030a0163", Convert.ToHexStringLower(received.ToArray()));
    }

    [Theory]
    [InlineData(500_000, 2)]
    [InlineData(700_000, 1)]
    public async Task Requests_of_more_than_a_mebibyte_are_sent_once(int messageBytes, int sends)
    {
        var calls = 0;
        await using var peer = await PeerHost.StartAsync(async http =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null);
            if (Interlocked.Increment(ref calls) == 1) Refuse(http);
            else await AnswerAsync(http);
        }, Idempotent);
        using var call = peer.Client.Gather(cancellationToken: Token);
        var message = new EchoRequest { Payload = ByteString.CopyFrom(new byte[messageBytes]) };
        await call.RequestStream.WriteAsync(message, Token);
        await call.RequestStream.WriteAsync(message, Token);
        await call.RequestStream.CompleteAsync();
        if (sends == 2) await call;
        else Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        Assert.Equal(sends, calls);
    }

    [Theory]
    [InlineData(10, StatusCode.OK)]
    [InlineData(700_000, StatusCode.Unavailable)]
    public async Task A_refused_stream_of_requests_is_sent_again_whole_or_not_at_all(int messageBytes, StatusCode status)
    {
        var calls = 0;
        long received = 0;
        await using var peer = await PeerHost.StartAsync(async http =>
        {
            var first = Interlocked.Increment(ref calls) == 1;
            var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            if (first)
            {
                http.Features.Get<IHttpResetFeature>()!.Reset(7);
                return;
            }
            received = body.Length;
            await AnswerAsync(http);
        });
        using var call = peer.Client.Gather(cancellationToken: Token);
        var message = new EchoRequest { Payload = ByteString.CopyFrom(new byte[messageBytes]) };
        await call.RequestStream.WriteAsync(message, Token);
        await call.RequestStream.WriteAsync(message, Token);
        await call.RequestStream.CompleteAsync();
        if (status == StatusCode.OK) await call;
        else Assert.Equal(status, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        Assert.Equal(status == StatusCode.OK ? 2 * (5 + message.CalculateSize()) : 0, received);
    }

    private static void Idempotent(GrpcClientOptions options)
    {
        options.IdempotentMethods = new HashSet<string> { "/feedmall.tests.rpc.Echo/Count", "/feedmall.tests.rpc.Echo/Gather" };
        options.Retry = new RetryOptions { Backoff = new BackoffOptions { Min = TimeSpan.FromMilliseconds(1), Max = TimeSpan.FromMilliseconds(2) } };
    }

    private static void Refuse(HttpContext http)
    {
        http.Response.ContentType = "application/grpc";
        http.Response.Headers["grpc-status"] = "14";
    }

    private static async Task BeginAsync(HttpContext http)
    {
        http.Response.ContentType = "application/grpc";
        await http.Response.Body.FlushAsync();
    }

    private static async Task AnswerAsync(HttpContext http)
    {
        if (!http.Response.HasStarted) http.Response.ContentType = "application/grpc";
        await http.Response.Body.WriteAsync(new byte[5]);
        http.Response.AppendTrailer("grpc-status", "0");
    }
}
