using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace FeedMall.Rpc.Server;

/// <summary>How a port for gRPC treats its connections.</summary>
public sealed class GrpcListenOptions
{
    /// <summary>A connection of this age is asked to end (GOAWAY), ± 10 %, so that clients come back and spread over new servers. Default: never.</summary>
    public TimeSpan MaxConnectionAge { get; set; } = Timeout.InfiniteTimeSpan;

    /// <summary>After that much time more it is closed, whatever still runs on it. Default: never.</summary>
    public TimeSpan MaxConnectionAgeGrace { get; set; } = Timeout.InfiniteTimeSpan;

    /// <summary>With a certificate and its private key the port speaks TLS; without, h2c.</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>When set, only callers with a certificate of one of these authorities are let in (mTLS). It then needs a <see cref="Certificate"/>.</summary>
    public X509Certificate2Collection? ClientRoots { get; set; }
}

/// <summary>Makes a port of Kestrel one for gRPC.</summary>
public static class GrpcListening
{
    private const double AgeJitter = 0.1;
    private const string NeedsHttp2 = "This port speaks gRPC. It needs HTTP/2, agreed on as h2 by ALPN.";

    private static readonly byte[] s_needsHttp2 = Encoding.ASCII.GetBytes(
        $"HTTP/1.1 426 Upgrade Required\r\nUpgrade: h2\r\nConnection: Upgrade, close\r\nContent-Type: text/plain\r\nContent-Length: {NeedsHttp2.Length}\r\n\r\n{NeedsHttp2}");

    /// <summary>Speaks HTTP/2 alone on this port, with TLS, client certificates and a connection age as the options say.</summary>
    /// <param name="clock">What ages are measured with; null: the system's.</param>
    public static ListenOptions UseGrpc(this ListenOptions listen, GrpcListenOptions options, TimeProvider? clock = null)
    {
        if (options.ClientRoots is not null && options.Certificate is null) throw new ArgumentException("ClientRoots need a Certificate.", nameof(options));
        listen.Protocols = HttpProtocols.Http2;
        listen.Use(next => connection => LingeringClose.RunAsync(connection, next, clock ?? TimeProvider.System));
        if (options.MaxConnectionAge != Timeout.InfiniteTimeSpan) listen.Use(next => connection => LimitAgeAsync(connection, next, options, clock ?? TimeProvider.System));
        if (options.Certificate is null) return listen;
        listen.UseHttps(https => Secure(https, options));
        listen.Use(next => connection => RequireHttp2Async(connection, next));
        return listen;
    }

    // HTTP/2 over TLS is agreed on in the handshake. A client that offers other protocols fails there; one that offers none is an older HTTP/1 client, and is
    // told so in words that it understands. Kestrel would close the connection without one, and log an error.
    private static async Task RequireHttp2Async(ConnectionContext connection, ConnectionDelegate next)
    {
        if (connection.Features.Get<ITlsApplicationProtocolFeature>() is { } agreed && agreed.ApplicationProtocol.Span.SequenceEqual("h2"u8))
        {
            await next(connection);
            return;
        }
        await connection.Transport.Output.WriteAsync(s_needsHttp2, connection.ConnectionClosed);
    }

    private static void Secure(HttpsConnectionAdapterOptions https, GrpcListenOptions options)
    {
        https.ServerCertificate = options.Certificate;
        if (options.ClientRoots is not { } roots) return;
        https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
        https.ClientCertificateValidation = (certificate, _, _) => IsOf(roots, certificate);
    }

    private static bool IsOf(X509Certificate2Collection roots, X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        return chain.Build(certificate);
    }

    private static async Task LimitAgeAsync(ConnectionContext connection, ConnectionDelegate next, GrpcListenOptions options, TimeProvider clock)
    {
        // Spread, so that connections that were made together do not come back together. The id is random enough for that.
        var spread = (uint)connection.ConnectionId.GetHashCode(StringComparison.Ordinal) / (double)uint.MaxValue;
        var age = options.MaxConnectionAge * (1 - AgeJitter + 2 * AgeJitter * spread);
        await using var goAway = clock.CreateTimer(static state => Close((ConnectionContext)state!), connection, age, Timeout.InfiniteTimeSpan);
        await using var end = options.MaxConnectionAgeGrace == Timeout.InfiniteTimeSpan ? null
            : clock.CreateTimer(static state => ((ConnectionContext)state!).Abort(new ConnectionAbortedException("The connection is over its age.")),
                connection, age + options.MaxConnectionAgeGrace, Timeout.InfiniteTimeSpan);
        await next(connection);
    }

    private static void Close(ConnectionContext connection) => connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
}
