using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace FeedMall.ServiceDefaults.KeyValue;

/// <summary>
/// The one connection of a service to the key-value store. It is made in the background and again whenever it is lost; the service starts and works
/// without. Its troubles are logged at most once per second, and only by kind: what a store says may hold addresses or keys.
/// </summary>
internal sealed partial class KeyValueConnection : IAsyncDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);
    private const int KeepAliveSeconds = 2;

    private readonly KeyValueOptions _options;
    private readonly ServiceIdentity _identity;
    private readonly ILogger<KeyValueConnection> _log;
    private readonly LogPace _pace;
    private readonly TimeProvider _clock;
    private volatile ConnectionMultiplexer? _connection;

    public KeyValueConnection(IOptions<KeyValueOptions> options, ServiceIdentity identity, KeyValueMetrics metrics, ILogger<KeyValueConnection> log, TimeProvider clock)
    {
        (_options, _identity, _log, _clock, _pace) = (options.Value, identity, log, clock, new LogPace(clock));
        metrics.Meter.CreateObservableGauge("feedmall.cache.connected", () => IsConnected ? 1 : 0, "{connection}", "1 while the store can be reached.");
    }

    public bool IsConnected => _connection?.IsConnected == true;

    /// <summary>The database to send commands to, or null while there is no connection: commands sent then would queue without bound.</summary>
    public IDatabase? Database => _connection is { IsConnected: true } connection ? connection.GetDatabase(_options.Database) : null;

    /// <summary>Completes when there is a client, which then connects by itself as often as needed.</summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        LogWhere(_log, _options.Addresses, _options.Database, _options.Tls);
        var configuration = Configure();
        while (true)
        {
            var connecting = ConnectionMultiplexer.ConnectAsync(configuration);
            try
            {
                var connection = await connecting.WaitAsync(cancellationToken);
                connection.PreserveAsyncOrder = false; // answers wake their requests on any thread, not one after the other
                connection.ConnectionFailed += (_, lost) => Warn(lost.FailureType.ToString());
                connection.InternalError += (_, error) => Warn(error.Exception?.GetType().Name ?? "internal error");
                connection.ConnectionRestored += (_, back) =>
                {
                    if (back.ConnectionType == ConnectionType.Interactive) LogBack(_log, _options.Addresses);
                };
                _connection = connection;
                if (connection.IsConnected) LogBack(_log, _options.Addresses);
                else Warn("not reachable");
                return;
            }
            catch (OperationCanceledException)
            {
                _ = DisposeLateAsync(connecting);
                throw;
            }
            catch (Exception failure) when (failure is RedisException or TimeoutException or IOException or System.Net.Sockets.SocketException)
            {
                Warn(failure.GetType().Name);
                await Task.Delay(RetryInterval, _clock, cancellationToken);
            }
        }
    }

    /// <summary>Says that commands fail, unless something was said within the last second.</summary>
    public void Warn(string problem)
    {
        if (_pace.MayLog()) LogTrouble(_log, _options.Addresses, problem);
    }

    public async ValueTask DisposeAsync()
    {
        if (_connection is not { } connection) return;
        _connection = null;
        await connection.CloseAsync(allowCommandsToComplete: false);
        connection.Dispose();
    }

    // The library cannot be told to stop connecting.
    private static async Task DisposeLateAsync(Task<ConnectionMultiplexer> connecting)
    {
        await ((Task)connecting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (connecting.IsCompletedSuccessfully) (await connecting).Dispose();
    }

    private ConfigurationOptions Configure()
    {
        var configuration = new ConfigurationOptions
        {
            AbortOnConnectFail = false,
            ClientName = _identity.Name,
            Password = _options.Password,
            DefaultDatabase = _options.Database,
            ConnectTimeout = (int)_options.ConnectTimeout.TotalMilliseconds,
            ReconnectRetryPolicy = new LinearRetry((int)RetryInterval.TotalMilliseconds),
            KeepAlive = KeepAliveSeconds,
            // Nothing is subscribed to, so no second connection is needed for it.
            CommandMap = CommandMap.Create(["SUBSCRIBE"], available: false),
            ConfigurationChannel = "",
            TieBreaker = "",
            Ssl = _options.Tls,
            SslProtocols = _options.Tls ? SslProtocols.Tls12 | SslProtocols.Tls13 : null,
        };
        foreach (var (host, port) in _options.ParseAddresses())
            configuration.EndPoints.Add(IPAddress.TryParse(host, out var ip) ? new IPEndPoint(ip, port) : new DnsEndPoint(host, port));
        if (_options.TlsAuthoritiesPath is { } path)
        {
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPemFile(path);
            configuration.CertificateValidation += (_, certificate, _, errors) => IsSignedBy(authorities, certificate, errors);
        }
        return configuration;
    }

    // As the system would decide, but with these authorities in place of its own.
    private static bool IsSignedBy(X509Certificate2Collection authorities, X509Certificate? certificate, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 presented || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != 0) return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        return chain.Build(presented);
    }

    [LoggerMessage(1, LogLevel.Information, "The cache is at {Addresses}, database {Database}, TLS {Tls}")]
    private static partial void LogWhere(ILogger log, string addresses, int database, bool tls);

    [LoggerMessage(2, LogLevel.Information, "The cache at {Addresses} answers")]
    private static partial void LogBack(ILogger log, string addresses);

    [LoggerMessage(3, LogLevel.Warning, "The cache at {Addresses} does not do its work ({Problem}); what it would answer is read from the database")]
    private static partial void LogTrouble(ILogger log, string addresses, string problem);

    /// <summary>One entry per second, whatever happens.</summary>
    private sealed class LogPace(TimeProvider clock)
    {
        private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
        private long _last = long.MinValue;

        public bool MayLog()
        {
            var (last, now) = (Volatile.Read(ref _last), clock.GetTimestamp());
            return (last == long.MinValue || clock.GetElapsedTime(last, now) >= Interval) && Interlocked.CompareExchange(ref _last, now, last) == last;
        }
    }
}
