using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>The connections to one service, shared by all clients that call it with the same options.</summary>
public sealed class RpcChannel : ChannelBase, IDisposable
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan DefaultNetworkAllowance = TimeSpan.FromMilliseconds(10);

    /// <summary>A channel; it connects at the first call.</summary>
    /// <exception cref="ArgumentException">No address, or one that is neither http nor https.</exception>
    public RpcChannel(GrpcClientOptions options, RpcTelemetry telemetry, TimeProvider clock)
        : base(options.Addresses.Count > 0 ? options.Addresses[0].ToString() : "")
    {
        if (options.Addresses.Count == 0) throw new ArgumentException("A gRPC client needs at least one address.", nameof(options));
        Address = options.Addresses[0];
        if (Address.Scheme is not ("http" or "https"))
            throw new ArgumentException($"The address of a gRPC client starts with http:// or https://, '{Address}' does not.", nameof(options));
        Options = options;
        Telemetry = telemetry;
        Clock = clock;
        NetworkAllowance = options.NetworkAllowance ?? (Address.IsLoopback ? TimeSpan.Zero : DefaultNetworkAllowance);
        Chain = new ClientChain(this);
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = ConnectTimeout,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
        };
        options.ConfigureHandler?.Invoke(handler);
        Http = new HttpMessageInvoker(handler, disposeHandler: true);
    }

    internal Uri Address { get; }

    internal GrpcClientOptions Options { get; }

    internal RpcTelemetry Telemetry { get; }

    internal TimeProvider Clock { get; }

    internal TimeSpan NetworkAllowance { get; }

    internal ClientChain Chain { get; }

    internal HttpMessageInvoker Http { get; }

    /// <inheritdoc/>
    public override CallInvoker CreateCallInvoker() => new ChannelInvoker(this);

    /// <summary>Closes the connections; calls that run fail with UNAVAILABLE.</summary>
    public void Dispose() => Http.Dispose();
}
