using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace FeedMall.Rpc.Client;

/// <summary>How connections to an address are made.</summary>
internal static class Transport
{
    // Headers over this limit break the connection, those over the option only their call.
    private const int HardLimitFactor = 4;
    private const int WindowBytes = 1024 * 1024;

    public static SocketsHttpHandler CreateHandler(ResolvedAddress address, GrpcClientOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = options.ConnectTimeout,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            KeepAlivePingDelay = options.KeepAlivePingDelay,
            KeepAlivePingTimeout = options.KeepAlivePingTimeout,
            KeepAlivePingPolicy = options.KeepAlivePingWithoutCalls ? HttpKeepAlivePingPolicy.Always : HttpKeepAlivePingPolicy.WithActiveRequests,
            MaxResponseHeadersLength = HardLimitFactor * options.MaxReceiveMetadataBytes / 1024,
            InitialHttp2StreamWindowSize = WindowBytes,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
        };
        if (options.Connect is not null || address.ConnectTo is not null)
            handler.ConnectCallback = (_, cancel) => ConnectAsync(address, options, cancel);
        if (options.ClientCertificate is not null) handler.SslOptions.ClientCertificates = [options.ClientCertificate];
        if (options.TrustedRoots is not null) handler.SslOptions.CertificateChainPolicy = TrustOnly(options.TrustedRoots);
        options.ConfigureHandler?.Invoke(handler);
        return handler;
    }

    /// <summary>Whether a connection can be made; it is closed again at once.</summary>
    public static async Task<bool> CanConnectAsync(ResolvedAddress address, GrpcClientOptions options, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(options.ConnectTimeout);
        try
        {
            await (await ConnectAsync(address, options, timeout.Token)).DisposeAsync();
            return true;
        }
        catch (Exception exception) when (exception is SocketException or IOException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }

    private static async ValueTask<Stream> ConnectAsync(ResolvedAddress address, GrpcClientOptions options, CancellationToken cancellationToken)
    {
        if (options.Connect is not null) return await options.Connect(address.Address, cancellationToken);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (address.ConnectTo is { } ip) await socket.ConnectAsync(ip, cancellationToken);
            else await socket.ConnectAsync(address.Address.DnsSafeHost, address.Address.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static X509ChainPolicy TrustOnly(X509Certificate2Collection roots)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        return policy;
    }
}
