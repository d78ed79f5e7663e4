using System.Collections.Frozen;
using System.Security.Cryptography.X509Certificates;
using FeedMall.Resilience.Balancing;
using FeedMall.Resilience.Breaking;
using FeedMall.Resilience.Gates;
using FeedMall.Resilience.Retry;
using Grpc.Core.Interceptors;

namespace FeedMall.Rpc.Client;

/// <summary>How calls are spread over the addresses of a service.</summary>
public enum BalancingPolicy
{
    /// <summary>Two are drawn, the one with the better record is taken: success, speed, calls under way (spec §9.3).</summary>
    Ewma,
    /// <summary>Two are drawn, the one with fewer calls under way is taken (spec §9.2).</summary>
    LeastInFlight,
    /// <summary>In turn, by weight (spec §9.1).</summary>
    WeightedRoundRobin,
    /// <summary>The first that can be reached.</summary>
    PickFirst,
}

/// <summary>Where a typed client calls, how, and its limits. Clients with equal options share their connections.</summary>
public sealed record GrpcClientOptions
{
    /// <summary>
    /// The addresses of the service, http:// (h2c) or https://. A single one with dns+http:// or dns+https:// stands for all addresses
    /// that its host name has.
    /// </summary>
    public IReadOnlyList<Uri> Addresses { get; set; } = [];

    /// <summary>The addresses of a small service that takes calls while <see cref="FindGutter"/> says so; in the form of <see cref="Addresses"/>. Default: none.</summary>
    public IReadOnlyList<Uri> GutterAddresses { get; set; } = [];

    /// <summary>Finds the addresses instead of <see cref="Addresses"/>.</summary>
    public Resolver? Resolver { get; set; }

    /// <summary>How calls are spread over the addresses. Default <see cref="BalancingPolicy.Ewma"/>.</summary>
    public BalancingPolicy Balancing { get; set; }

    /// <summary>Settings of the balancing.</summary>
    public BalancerOptions Balancer { get; set; } = new();

    /// <summary>How many of the addresses this client uses; the others are for other clients. 1 or more, default 20.</summary>
    public int SubsetSize { get; set; } = Subset.DefaultCount;

    /// <summary>What tells this client from other instances when addresses are shared out. Default: machine name and process id.</summary>
    public string ClientId { get; set; } = $"{Environment.MachineName}/{Environment.ProcessId}";

    /// <summary>Longest time of a call; a call's own deadline and that of the request it serves can only shorten it. Default 1 s.</summary>
    public TimeSpan DefaultTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Finds the longest time of a call, all its attempts together, for a method by its full name; asked at each call, so that it may change. Null, or null for a
    /// method: <see cref="DefaultTimeout"/>.
    /// </summary>
    public Func<string, TimeSpan?>? FindTimeout { get; set; }

    /// <summary>With less time left than this a call is not sent (spec §7.1 rule 3). Default 5 ms.</summary>
    public TimeSpan MinTimeout { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Kept from the caller's remaining time for the way of the answer. Default: 10 ms, on loopback none.</summary>
    public TimeSpan? NetworkAllowance { get; set; }

    /// <summary>When and how often a call is tried again.</summary>
    public RetryOptions Retry { get; set; } = new();

    /// <summary>
    /// Waits for one of the places that calls of a method may take, an <see cref="Resilience.Queueing.AdmissionQueue"/>: is given the method's full name, how long an answer will be of
    /// use (<see cref="Timeout.InfiniteTimeSpan"/>: always) and what ends the waiting. The call's own time begins when it has its place. Who is refused gets UNAVAILABLE, or
    /// DEADLINE_EXCEEDED, with the reason. Null, or a permit of null: no limit.
    /// </summary>
    public Func<string, TimeSpan, CancellationToken, ValueTask<Permit?>>? WaitForPlace { get; set; }

    /// <summary>
    /// Finds what limits how many calls are on their way at a time, a <see cref="Resilience.Bulkheads.Bulkhead"/>, for a method by its full name; all attempts of
    /// a call are one. Who finds no place gets UNAVAILABLE / BULKHEAD_FULL. Null, or null for a method: no limit.
    /// </summary>
    public Func<string, Gate?>? FindBulkhead { get; set; }

    /// <summary>
    /// Finds the breaker of a method by its full name; asked before each attempt. What it drops ends with UNAVAILABLE / CIRCUIT_BREAKER_OPEN and is not tried
    /// again. Null, or null for a method: none.
    /// </summary>
    public Func<string, Gate?>? FindBreaker { get; set; }

    /// <summary>
    /// Finds, for a method by its full name, the pair of breakers that decides between the service and <see cref="GutterAddresses"/>; asked before each attempt,
    /// in place of <see cref="FindBreaker"/>. A call that failed at the service goes there too, if it may be made twice. Null for a method: it has none.
    /// </summary>
    public Func<string, GutterPair?>? FindGutter { get; set; }

    /// <summary>Told in the call's own flow, before it goes on, of every turn that a call takes. Must not throw, and not wait.</summary>
    public Action<CallNote>? OnTurn { get; set; }

    /// <summary>
    /// The full names ("/package.Service/Method") of methods that may be sent twice. A registered client adds those whose .proto says
    /// idempotency_level.
    /// </summary>
    public IReadOnlySet<string> IdempotentMethods { get; set; } = FrozenSet<string>.Empty;

    /// <summary>"gzip" compresses the requests. Default: they are sent as they are, unless a call asks for it.</summary>
    public string? RequestCompression { get; set; }

    /// <summary>Sent with every call, for example <see cref="MetadataKeys.App"/>.</summary>
    public IReadOnlyDictionary<string, string>? Headers { get; set; }

    /// <summary>What stands around every call, outermost first, outside of the client's own chain.</summary>
    public IReadOnlyList<Interceptor> Interceptors { get; set; } = [];

    /// <summary>Largest response message in bytes, checked on its length prefix and, when it is compressed, on what comes out. Default 4 MiB.</summary>
    public int MaxReceiveMessageBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>Largest request message in bytes. Default: no limit.</summary>
    public int? MaxSendMessageBytes { get; set; }

    /// <summary>
    /// Largest metadata of a call, as HTTP/2 counts it: name, value and 32 bytes for each entry. More would make the server close the
    /// connection under all its calls. Default 15 KiB: servers take 16, and the protocol's own headers need some of it.
    /// </summary>
    public int MaxSendMetadataBytes { get; set; } = 15 * 1024;

    /// <summary>
    /// Largest headers, and largest trailers, of an answer, counted in the same way. A call with more ends with RESOURCE_EXHAUSTED; far
    /// more, four times as much, is not read and closes the connection. Default 16 KiB; at least 1 KiB.
    /// </summary>
    public int MaxReceiveMetadataBytes { get; set; } = 16 * 1024;

    /// <summary>Longest time to connect. Default 1 s.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Waits between attempts to reach an address that failed. Default: 1 s growing by 1.6 to at most 10 s, ± 20 %.</summary>
    public ConnectionBackoffOptions Reconnect { get; set; } = new() { Max = TimeSpan.FromSeconds(10) };

    /// <summary>A connection that was silent for this long is pinged. At least 10 s; default: never.</summary>
    public TimeSpan KeepAlivePingDelay { get; set; } = Timeout.InfiniteTimeSpan;

    /// <summary>A connection that does not answer a ping for this long is closed. Default 20 s.</summary>
    public TimeSpan KeepAlivePingTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Whether connections without calls are pinged too. Default: no, most servers object.</summary>
    public bool KeepAlivePingWithoutCalls { get; set; }

    /// <summary>What this client shows to servers that want to know who calls (mTLS), with its private key.</summary>
    public X509Certificate2? ClientCertificate { get; set; }

    /// <summary>The only authorities whose servers are trusted. Default: those of the system.</summary>
    public X509Certificate2Collection? TrustedRoots { get; set; }

    /// <summary>Makes connections instead of TCP; see <see cref="InMemoryTransport"/>.</summary>
    public Func<Uri, CancellationToken, ValueTask<Stream>>? Connect { get; set; }

    /// <summary>Last word on the connections.</summary>
    public Action<SocketsHttpHandler>? ConfigureHandler { get; set; }
}
