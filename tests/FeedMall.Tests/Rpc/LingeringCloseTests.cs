using System.IO.Pipelines;
using System.Net.Sockets;
using FeedMall.Rpc.Server;
using FeedMall.Testing;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace FeedMall.Tests.Rpc;

/// <summary>What becomes of a connection that the server has ended. The clock stands still: nothing here ends because time is up.</summary>
public sealed class LingeringCloseTests
{
    private readonly TestClock _clock = new();
    private readonly Pipe _fromClient = new();
    private readonly Pipe _toClient = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_on_its_way_is_dropped_until_the_client_closes()
    {
        var closing = RunAsync(connection =>
        {
            connection.Transport.Input.Complete();
            return Task.CompletedTask;
        });
        for (var i = 0; i < 100; i++) await _fromClient.Writer.WriteAsync(new byte[10_000], Token);
        Assert.False(closing.IsCompleted);
        await _fromClient.Writer.CompleteAsync();
        await closing.WaitAsync(Token);
    }

    [Fact]
    public async Task A_read_that_was_given_up_does_not_keep_what_comes_from_being_dropped()
    {
        var closing = RunAsync(async connection =>
        {
            connection.Transport.Input.CancelPendingRead();
            Assert.True((await connection.Transport.Input.ReadAsync(Token)).IsCanceled);
        });
        for (var i = 0; i < 100; i++) await _fromClient.Writer.WriteAsync(new byte[10_000], Token);
        Assert.False(closing.IsCompleted);
        await _fromClient.Writer.CompleteAsync();
        await closing.WaitAsync(Token);
    }

    [Fact]
    public async Task The_client_has_a_second_to_close()
    {
        var closing = RunAsync(_ => Task.CompletedTask);
        Assert.False(closing.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(999));
        Assert.False(closing.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await closing.WaitAsync(Token);
    }

    [Fact]
    public async Task A_connection_whose_server_ended_in_the_middle_of_a_read_closes_at_once()
    {
        await _fromClient.Writer.WriteAsync(new byte[10], Token);
        // What was read is not given back, so nobody can read on.
        await RunAsync(async connection => await connection.Transport.Input.ReadAsync(Token)).WaitAsync(Token);
    }

    [Fact]
    public async Task A_client_that_closes_first_is_not_waited_for()
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await EchoHost.StartAsync(listen: listen =>
        {
            listen.Use(next => async connection =>
            {
                try
                {
                    await next(connection);
                    ended.SetResult();
                }
                catch (Exception exception)
                {
                    ended.SetException(exception);
                }
            });
            listen.UseGrpc(new GrpcListenOptions(), _clock);
        });
        using var client = new TcpClient();
        await client.ConnectAsync(host.Address.Host, host.Address.Port, Token);
        var stream = client.GetStream();
        // The preface and empty settings.
        await stream.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0"u8.ToArray(), Token);
        // The server's answer shows that it is in its loop.
        Assert.NotEqual(0, await stream.ReadAsync(new byte[100], Token));
        client.Client.Shutdown(SocketShutdown.Send);
        while (await stream.ReadAsync(new byte[100], Token) > 0) { }
        await ended.Task.WaitAsync(Token);
        Assert.Empty(host.Errors);
    }

    private Task RunAsync(ConnectionDelegate server)
    {
        var connection = new DefaultConnectionContext("test") { Transport = new Duplex(_fromClient.Reader, _toClient.Writer) };
        return LingeringClose.RunAsync(connection, server, _clock);
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
