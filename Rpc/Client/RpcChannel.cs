using System.Collections.Concurrent;
using FeedMall.Resilience;
using FeedMall.Resilience.Deadlines;
using FeedMall.Resilience.Retry;
using FeedMall.Rpc.Wire;
using Grpc.Core;

namespace FeedMall.Rpc.Client;

/// <summary>The connections to one service, shared by all clients that call it with the same options.</summary>
public sealed class RpcChannel : ChannelBase, IDisposable
{
    private sealed record TimeoutText(TimeSpan Time, string Text);

    private static readonly TimeSpan s_networkAllowance = TimeSpan.FromMilliseconds(10);

    private readonly ConcurrentDictionary<string, bool> _idempotent = new(StringComparer.Ordinal);
    private volatile TimeoutText? _defaultTimeout;

    /// <summary>A channel; it connects at the first call.</summary>
    /// <exception cref="ArgumentException">No address, one that is neither http nor https, or another option out of its range.</exception>
    public RpcChannel(GrpcClientOptions options, RpcTelemetry telemetry, TimeProvider clock, IChance? chance = null)
        : base(options.Addresses.Count > 0 ? string.Join(',', options.Addresses) : options.Resolver?.ToString() ?? "")
    {
        Check(options);
        Options = options;
        Telemetry = telemetry;
        Clock = clock;
        Chance = chance ?? new SystemChance();
        var networkAllowance = options.NetworkAllowance
            ?? (options.Addresses.Count > 0 && options.Addresses.All(address => address.IsLoopback) ? TimeSpan.Zero : s_networkAllowance);
        Time = new DeadlineBudget(networkAllowance, options.MinTimeout);
        RetryBudget = options.Retry.Tokens is { } tokens ? new TokenRetryBudget(tokens) : new WindowRetryBudget(options.Retry.Budget, clock);
        AddIdempotentMethods(options.IdempotentMethods);
        Timers = new Pool<CallTimer>(() => new CallTimer(clock));
        Chain = new ClientChain(this);
        Endpoints = new EndpointSet(this, options.Addresses, options.Resolver);
        if (options.GutterAddresses.Count > 0) Gutter = new EndpointSet(this, options.GutterAddresses, resolver: null);
    }

    internal GrpcClientOptions Options { get; }

    internal RpcTelemetry Telemetry { get; }

    internal TimeProvider Clock { get; }

    internal IChance Chance { get; }

    internal DeadlineBudget Time { get; }

    internal RetryBudget RetryBudget { get; }

    internal ClientChain Chain { get; }

    internal EndpointSet Endpoints { get; }

    /// <summary>The small service that stands by, or null.</summary>
    internal EndpointSet? Gutter { get; }

    internal Pool<CallTimer> Timers { get; }

    /// <inheritdoc/>
    public override CallInvoker CreateCallInvoker() => new ChannelInvoker(this);

    /// <summary>How each address stands, in the order of the list.</summary>
    public IReadOnlyList<EndpointSnapshot> Snapshot() => Endpoints.Snapshot();

    /// <summary>The same of the addresses that stand by.</summary>
    public IReadOnlyList<EndpointSnapshot> GutterSnapshot() => Gutter?.Snapshot() ?? [];

    /// <summary>What the retry budget has done and has left.</summary>
    public RetryBudgetSnapshot RetrySnapshot() => RetryBudget.Snapshot();

    /// <summary>Closes the connections; calls that run fail with UNAVAILABLE.</summary>
    public void Dispose()
    {
        Endpoints.Dispose();
        Gutter?.Dispose();
    }

    internal void AddIdempotentMethods(IEnumerable<string> names)
    {
        foreach (var name in names) _idempotent[name] = true;
    }

    internal bool IsIdempotent(IMethod method) => _idempotent.ContainsKey(method.FullName);

    /// <summary>Whether a call's requests are announced as gzip.</summary>
    internal bool Compresses(CallOptions options) =>
        (options.Headers?.GetValue(HeaderNames.EncodingRequest) ?? Options.RequestCompression) == Compression.Gzip;

    /// <summary>The value of grpc-timeout. Most calls have the default time, whose text is made once.</summary>
    internal string EncodeTimeout(TimeSpan timeout)
    {
        if (_defaultTimeout is { } known && known.Time == timeout) return known.Text;
        var encoded = GrpcTimeout.Encode(timeout);
        if (timeout == Options.DefaultTimeout) _defaultTimeout = new TimeoutText(timeout, encoded);
        return encoded;
    }

    private static void Check(GrpcClientOptions options)
    {
        if (options.Addresses.Count == 0 && options.Resolver is null) throw new ArgumentException("A gRPC client needs at least one address.", nameof(options));
        CheckAddresses(options.Addresses, nameof(options));
        CheckAddresses(options.GutterAddresses, nameof(options));
        if (options.Retry.MaxAttempts is < 1 or > 5) throw new ArgumentException("A call has 1 to 5 attempts.", nameof(options));
        if (options.Retry.HedgingDelay < TimeSpan.FromMilliseconds(1)) throw new ArgumentException("HedgingDelay must be 1 ms or more.", nameof(options));
        if (options.SubsetSize < 1) throw new ArgumentException("SubsetSize must be 1 or more.", nameof(options));
        if (options.RequestCompression is not (null or Compression.Identity or Compression.Gzip))
            throw new ArgumentException("RequestCompression is gzip or nothing.", nameof(options));
        if (options.MaxSendMetadataBytes < 0) throw new ArgumentException("MaxSendMetadataBytes must be 0 or more.", nameof(options));
        if (options.MaxReceiveMetadataBytes is < 1024 or > 1024 * 1024) throw new ArgumentException("MaxReceiveMetadataBytes must be 1 KiB to 1 MiB.", nameof(options));
        if (options.KeepAlivePingDelay != Timeout.InfiniteTimeSpan && options.KeepAlivePingDelay < TimeSpan.FromSeconds(10))
            throw new ArgumentException("KeepAlivePingDelay must be at least 10 s: servers close connections that are pinged too often.", nameof(options));
    }

    private static void CheckAddresses(IReadOnlyList<Uri> addresses, string parameter)
    {
        foreach (var address in addresses)
        {
            if (address.Scheme is "http" or "https" || (addresses.Count == 1 && address.Scheme is "dns+http" or "dns+https")) continue;
            throw new ArgumentException($"The address of a gRPC client starts with http:// or https://, '{address}' does not.", parameter);
        }
    }
}
