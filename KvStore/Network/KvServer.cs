using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using FeedMall.KvStore.Protocol;
using FeedMall.ServiceDefaults;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace FeedMall.KvStore.Network;

/// <summary>Listens for clients and keeps their connections. It stands where other services have Kestrel, so it starts and stops as they do.</summary>
internal sealed partial class KvServer(KvEngine engine, IOptions<KvOptions> options, IOptions<ServiceOptions> service, ILogger<KvServer> log) : IServer
{
    private const int Backlog = 511;
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<Connection, Task> _connections = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Seldom _http = new(engine.Clock);
    private readonly ServerAddressesFeature _addresses = new();
    private readonly ReadyLoop? _loop = engine.Loop = ReadyLoop.IsSupported ? new ReadyLoop() : null;
    private X509Certificate2? _certificate;
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;

    public IFeatureCollection Features { get; } = new FeatureCollection();

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken) where TContext : notnull
    {
        var endpoint = new IPEndPoint(IPAddress.Parse(options.Value.BindAddress), options.Value.Port);
        if (options.Value.Tls) _certificate = LoadCertificate(service.Value);
        _listener = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            _listener.Bind(endpoint);
            _listener.Listen(Backlog);
        }
        catch (SocketException cannotListen)
        {
            throw new StartException($"Cannot listen on {endpoint} ({cannotListen.Message}). Choose another port with --Kv:Port=… (environment: Kv__Port) or another address with --Kv:BindAddress=….", cannotListen);
        }
        engine.Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _addresses.Addresses.Add(string.Create(CultureInfo.InvariantCulture, $"{(options.Value.Tls ? "rediss" : "redis")}://{new IPEndPoint(endpoint.Address, engine.Port)}"));
        Features.Set<IServerAddressesFeature>(_addresses);
        if (!IPAddress.IsLoopback(endpoint.Address) && string.IsNullOrEmpty(options.Value.Password)) LogOpen(log, endpoint.Address);
        _accepting = AcceptAsync(_listener);
        return Task.CompletedTask;
    }

    /// <summary>No new clients; those that are being answered get their answer.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        _listener?.Dispose();
        await _accepting;
        foreach (var connection in _connections.Keys) connection.Drain();
        var served = Task.WhenAll(_connections.Values);
        await served.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!served.IsCompleted) LogCutOff(log, _connections.Count);
        foreach (var connection in _connections.Keys) connection.Client.Abort();
    }

    public void Dispose()
    {
        // For whoever disposes of the server without stopping it: the accept that ends now is no failure.
        _stopping.Cancel();
        _listener?.Dispose();
        foreach (var client in engine.Clients.All) client.Abort();
        _loop?.Dispose();
        _certificate?.Dispose();
        _stopping.Dispose();
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var socket = await listener.AcceptAsync(_stopping.Token);
                Accept(socket);
            }
            catch (Exception) when (_stopping.IsCancellationRequested)
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
        socket.NoDelay = true;
        var isFull = engine.Clients.Count >= engine.Settings.MaxClients;
        if (isFull) engine.Traffic.CountRefused();
        else engine.Traffic.CountAccepted();
        var client = new Client(engine.Clients.NextId(), $"{socket.RemoteEndPoint}", $"{socket.LocalEndPoint}", engine)
        {
            IsStranger = engine.Settings.Password.Length > 0,
            Abort = () => Sockets.End(socket, SocketShutdown.Both),
        };
        if (isFull)
        {
            Sockets.Refuse(socket, "-ERR max number of clients reached\r\n"u8);
            return;
        }
        engine.Clients.Add(client);
        _ = ServeAsync(socket, client);
    }

    private async Task ServeAsync(Socket socket, Client client)
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Connection? connection = null;
        try
        {
            var tls = _certificate is null ? null : await HandshakeAsync(socket, _certificate);
            connection = new Connection(socket, tls, _loop, client, engine);
            _connections[connection] = gone.Task;
            if (_stopping.IsCancellationRequested) connection.Drain();
            var serving = connection.ServeAsync();
            await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            // To say why it ended and to close it is no work for the loop, on whose thread it did.
            await Task.Yield();
            if (serving.Exception is { } ended) Tell(client, ended.InnerException!);
        }
        // The outermost edge of a connection: a defect of ours must not end the process, nor the other connections.
        catch (Exception end)
        {
            Tell(client, end);
        }
        finally
        {
            // Last, so that whoever sees the connection closed finds the reason in the log.
            engine.Clients.Remove(client);
            connection?.Dispose();
            socket.Dispose();
            engine.LetGo(client);
            if (connection is not null) _connections.TryRemove(connection, out _);
            gone.SetResult();
        }
    }

    private void Tell(Client client, Exception end)
    {
        if (end is HttpClientException)
        {
            // Whoever sends it over and over shall not fill the log.
            if (_http.MaySay(out var unsaid)) LogHttp(log, client.Address, unsaid, (int)Seldom.Pause.TotalSeconds);
        }
        else if (end is ConnectionEndException) LogEnded(log, client.Address, end.Message);
        else if (end is SocketException or IOException or ObjectDisposedException or OperationCanceledException or AuthenticationException) LogGone(log, client.Address, end.Message);
        else LogDefect(log, client.Address, end);
    }

    private async Task<Stream> HandshakeAsync(Socket socket, X509Certificate2 certificate)
    {
        using var timeUp = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        timeUp.CancelAfter(options.Value.HandshakeTimeout);
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: false));
        await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, timeUp.Token);
        return stream;
    }

    // Loaded through PKCS #12 because some platforms cannot serve with a key that only lives in memory.
    private static X509Certificate2 LoadCertificate(ServiceOptions options)
    {
        if (!File.Exists(options.CertificatePath) || !File.Exists(options.CertificateKeyPath))
            throw new StartException("Kv:Tls is on, so Kv:CertificatePath and Kv:CertificateKeyPath must name PEM files.");
        using var pem = X509Certificate2.CreateFromPemFile(options.CertificatePath, options.CertificateKeyPath);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), password: null);
    }

    [LoggerMessage(1, LogLevel.Warning, "{Address} is open to other machines and no password is set: set Kv:Password")]
    private static partial void LogOpen(ILogger log, IPAddress address);

    [LoggerMessage(2, LogLevel.Warning, "Closed {Client}: it speaks HTTP, and this port speaks RESP. Possibly a web page attacks what listens on this machine. {Others} more since this was last said; it is said every {Seconds} s at most")]
    private static partial void LogHttp(ILogger log, string client, long others, int seconds);

    [LoggerMessage(3, LogLevel.Information, "Closed {Client}: {Reason}")]
    private static partial void LogEnded(ILogger log, string client, string reason);

    [LoggerMessage(4, LogLevel.Debug, "{Client} is gone: {Reason}")]
    private static partial void LogGone(ILogger log, string client, string reason);

    [LoggerMessage(5, LogLevel.Error, "Closed {Client} because of a defect")]
    private static partial void LogDefect(ILogger log, string client, Exception defect);

    [LoggerMessage(6, LogLevel.Warning, "A client could not be accepted: {Reason}")]
    private static partial void LogAcceptFailed(ILogger log, string reason);

    [LoggerMessage(7, LogLevel.Warning, "Stopping took too long: {Count} connections are cut off")]
    private static partial void LogCutOff(ILogger log, int count);
}
