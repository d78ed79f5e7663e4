namespace FeedMall.IntegrationTests.Interop;

/// <summary>An implementation of gRPC.</summary>
public enum Peer
{
    /// <summary>Rpc.</summary>
    Ours,
    /// <summary>@grpc/grpc-js.</summary>
    Node,
    /// <summary>grpcio, which is the C core.</summary>
    Python,
}

/// <summary>What a case needs beyond messages, metadata and status.</summary>
[Flags]
internal enum Needs
{
    None = 0,
    /// <summary>The server's methods can ask whether a request came compressed.</summary>
    ServerSeesCompression = 1,
    /// <summary>The server can send compressed responses.</summary>
    ServerCompresses = 2,
    /// <summary>The client can ask whether a response came compressed.</summary>
    ClientSeesCompression = 4,
    /// <summary>A service that only our server has.</summary>
    OurServer = 8,
}

/// <summary>One interop case.</summary>
/// <param name="Name">The same in all client programs.</param>
/// <param name="Shows">What it asserts.</param>
internal sealed record InteropCase(string Name, string Shows, Needs Needs = Needs.None);

/// <summary>Who calls whom.</summary>
internal sealed record Direction(Peer Client, Peer Server)
{
    public override string ToString() => $"{Client} → {Server}";
}

/// <summary>The cases, the directions, and which of them fit together.</summary>
internal static class InteropCases
{
    public static readonly IReadOnlyList<Direction> Directions =
    [
        new(Peer.Node, Peer.Ours), new(Peer.Python, Peer.Ours), new(Peer.Ours, Peer.Node), new(Peer.Ours, Peer.Python),
        // Without ours: shows that the foreign programs are right.
        new(Peer.Node, Peer.Python), new(Peer.Python, Peer.Node),
    ];

    public static readonly IReadOnlyList<InteropCase> All =
    [
        new("empty_unary", "an empty message there and back"),
        new("large_unary", "271,828 bytes there, 314,159 back"),
        new("client_compressed_unary", "compressed and uncompressed requests are told apart; a wrong one gets INVALID_ARGUMENT", Needs.ServerSeesCompression),
        new("server_compressed_unary", "a compressed, then an uncompressed response", Needs.ServerCompresses | Needs.ClientSeesCompression),
        new("client_streaming", "four requests, one sum"),
        new("client_compressed_streaming", "a compressed and an uncompressed request in one stream", Needs.ServerSeesCompression),
        new("server_streaming", "one request, four responses in order"),
        new("server_compressed_streaming", "a compressed and an uncompressed response in one stream", Needs.ServerCompresses | Needs.ClientSeesCompression),
        new("ping_pong", "four requests, each sent after the response to the one before"),
        new("empty_stream", "a duplex call without any message"),
        new("cancel_after_begin", "CANCELLED before the first message"),
        new("cancel_after_first_response", "CANCELLED in the middle of a duplex call"),
        new("timeout_on_sleeping_server", "DEADLINE_EXCEEDED after 1 ms"),
        new("custom_metadata", "headers and binary trailers come back, unary and duplex"),
        new("status_code_and_message", "UNKNOWN with its message, unary and duplex"),
        new("special_status_message", "a message with line breaks and characters beyond ASCII"),
        new("unimplemented_method", "UNIMPLEMENTED"),
        new("unimplemented_service", "UNIMPLEMENTED"),
        new("rpc_soak", "large_unary 100 times on one channel"),
        new("channel_soak", "large_unary 20 times, each on a new channel"),
        new("concurrent_large_unary", "large_unary 50 times at once"),
        new("compressed_request", "a gzip request of 271,828 bytes is read"),
        new("compressed_response", "a gzip response of 314,159 bytes is read", Needs.ServerCompresses),
        new("half_duplex", "three requests, then three responses"),
        new("health_check", "grpc.health.v1: SERVING for the server and the service, NOT_FOUND for an unknown one", Needs.OurServer),
        new("reflection_v1", "grpc.reflection.v1: services are listed, a method is described, an unknown name is NOT_FOUND", Needs.OurServer),
        new("reflection_v1alpha", "the same over grpc.reflection.v1alpha", Needs.OurServer),
    ];

    /// <summary>The cases that can be shown in a direction.</summary>
    public static IEnumerable<InteropCase> For(Direction direction) => All.Where(one => FindObstacle(one, direction) is null);

    /// <summary>Why a case cannot be shown in a direction, or null.</summary>
    public static string? FindObstacle(InteropCase one, Direction direction)
    {
        if (one.Needs.HasFlag(Needs.OurServer) && direction.Server != Peer.Ours) return "the foreign test server has no such service";
        if (one.Needs.HasFlag(Needs.ServerCompresses) && direction.Server == Peer.Node) return "a grpc-js server never compresses";
        if (one.Needs.HasFlag(Needs.ServerSeesCompression) && direction.Server == Peer.Python) return "grpcio does not tell a service whether a request was compressed";
        if (one.Needs.HasFlag(Needs.ClientSeesCompression) && direction.Client == Peer.Python) return "grpcio does not tell a client whether a response was compressed";
        return null;
    }
}
