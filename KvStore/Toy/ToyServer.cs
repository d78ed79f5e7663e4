using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using FeedMall.KvStore.Network;
using FeedMall.KvStore.Protocol;
using FeedMall.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace FeedMall.KvStore.Toy;

/// <summary>Listens for clients of the toy's line protocol, on the loopback interface only, if it is given a port. Its clients count as clients of the store.</summary>
internal sealed partial class ToyServer(KvEngine engine, IOptions<KvOptions> options, ILogger<ToyServer> log) : BackgroundService
{
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<ToyConnection, Task> _connections = new();
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.ToyPort == 0) return Task.CompletedTask;
        var endpoint = new IPEndPoint(IPAddress.Loopback, options.Value.ToyPort);
        try
        {
            _listener.Bind(endpoint);
            _listener.Listen();
        }
        catch (SocketException cannotListen)
        {
            throw new StartException($"Cannot listen on {endpoint} ({cannotListen.Message}). Choose another port with --Kv:ToyPort=… (environment: Kv__ToyPort), or 0 for none.", cannotListen);
        }
        LogListening(log, endpoint);
        return base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _listener.Dispose();
        await base.StopAsync(cancellationToken);
        foreach (var connection in _connections.Keys) Sockets.End(connection.Socket, SocketShutdown.Receive);
        try
        {
            await Task.WhenAll(_connections.Values).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            foreach (var connection in _connections.Keys) connection.Client.Abort();
        }
    }

    public override void Dispose()
    {
        _listener.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                Accept(await _listener.AcceptAsync(stoppingToken));
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException failure)
            {
                // The client was gone before it was accepted, or there are no more file descriptors: let some connections end.
                LogAcceptFailed(log, failure.Message);
                await Task.Delay(AcceptPause, TimeProvider.System, CancellationToken.None);
            }
        }
    }

    private void Accept(Socket socket)
    {
        if (engine.Clients.Count >= engine.Settings.MaxClients)
        {
            engine.Traffic.CountRefused();
            Sockets.Refuse(socket, "error too many clients\n"u8);
            return;
        }
        engine.Traffic.CountAccepted();
        socket.NoDelay = true;
        var client = new Client(engine.Clients.NextId(), $"{socket.RemoteEndPoint}", $"{socket.LocalEndPoint}", engine)
        {
            IsStranger = engine.Settings.Password.Length > 0,
            LibraryName = "toy",
            Abort = () => Sockets.End(socket, SocketShutdown.Both),
        };
        engine.Clients.Add(client);
        var connection = new ToyConnection(socket, client, engine, options.Value.ToyLegacyExact);
        // Added before it can remove itself.
        var begin = new TaskCompletionSource();
        _connections[connection] = ServeAsync(connection, begin.Task);
        begin.SetResult();
    }

    private async Task ServeAsync(ToyConnection connection, Task begin)
    {
        await begin;
        try
        {
            await connection.ServeAsync();
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException or ConnectionEndException)
        {
            LogGone(log, connection.Client.Address, gone.Message);
        }
        // The outermost edge of a connection: a defect of ours must not end the process, nor the other connections.
        catch (Exception defect)
        {
            LogDefect(log, connection.Client.Address, defect);
        }
        finally
        {
            engine.Clients.Remove(connection.Client);
            connection.Dispose();
            engine.LetGo(connection.Client);
            _connections.TryRemove(connection, out _);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "The toy protocol is spoken on {Address}")]
    private static partial void LogListening(ILogger log, IPEndPoint address);

    [LoggerMessage(2, LogLevel.Warning, "A client of the toy protocol could not be accepted: {Reason}")]
    private static partial void LogAcceptFailed(ILogger log, string reason);

    [LoggerMessage(3, LogLevel.Debug, "{Client} is gone: {Reason}")]
    private static partial void LogGone(ILogger log, string client, string reason);

    [LoggerMessage(4, LogLevel.Error, "Closed {Client} because of a defect")]
    private static partial void LogDefect(ILogger log, string client, Exception defect);
}
